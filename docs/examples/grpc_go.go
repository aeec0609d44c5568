// A console in Go, with the stubs that protoc and its plug-ins for Go make.
//
// Run it beside a server, with RESCUE_SERVER and alice's secret in RESCUE_SECRET.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"example.org/rescue"
)

func main() {
	channel, err := grpc.Dial(os.Getenv("RESCUE_SERVER"), grpc.WithInsecure())
	check(err)
	defer channel.Close()
	secret := &rescue.SignInRequest{User: "alice", Secret: os.Getenv("RESCUE_SECRET")}
	answer, err := rescue.NewAccessServiceClient(channel).SignIn(context.Background(), secret)
	check(err)
	signedIn := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+answer.Token)
	console := rescue.NewConsoleServiceClient(channel)

	// A watch begins with a snapshot.
	place := watch(signedIn, console, &rescue.WatchQueueRequest{}, func(message *rescue.WatchQueueResponse) bool {
		return message.GetSnapshot() != nil
	})

	// A command carries a request id. After UNAVAILABLE, send the same id again: it is never carried out twice.
	request := &rescue.CreatePinRequest{RequestId: newID(), Customer: "Ms Vos"}
	created, err := console.CreatePin(signedIn, request)
	check(err)
	again, err := console.CreatePin(signedIn, request)
	check(err)
	fmt.Println("the same session:", created.Session == again.Session)

	// A watch that was cut off goes on after the last revision that was applied, in the same history, without a
	// snapshot.
	watch(signedIn, console, place, func(message *rescue.WatchQueueResponse) bool {
		for _, delta := range deltasOf(message) {
			if delta.GetStatus().GetEntry().GetSession() == created.Session {
				return true
			}
		}
		return false
	})

	_, err = console.HoldSession(signedIn, &rescue.HoldSessionRequest{RequestId: newID(), Session: created.Session})
	fmt.Println(status.Code(err), reasonOf(err))
}

// watch applies the messages of a watch until enough. It returns the place with which the next one goes on.
func watch(signedIn context.Context, console rescue.ConsoleServiceClient, place *rescue.WatchQueueRequest,
	enough func(*rescue.WatchQueueResponse) bool) *rescue.WatchQueueRequest {
	watching, cancel := context.WithCancel(signedIn)
	defer cancel()
	place.Console = newID()
	messages, err := console.WatchQueue(watching, place)
	check(err)
	for {
		message, err := messages.Recv() // after UNAVAILABLE, begin again at the place
		check(err)
		if snapshot := message.GetSnapshot(); snapshot != nil {
			place.History, place.AfterRevision = snapshot.History, proto.Uint64(snapshot.Revision)
		} else if bookmark := message.GetBookmark(); bookmark != nil {
			place.AfterRevision = proto.Uint64(bookmark.Revision)
		}
		for _, delta := range deltasOf(message) {
			place.AfterRevision = proto.Uint64(delta.Revision)
			if entry := delta.GetStatus().GetEntry(); entry != nil {
				fmt.Println(entry.Session, entry.Status)
			}
		}
		if enough(message) {
			return place
		}
	}
}

func deltasOf(message *rescue.WatchQueueResponse) []*rescue.QueueDelta {
	if delta := message.GetDelta(); delta != nil {
		return []*rescue.QueueDelta{delta}
	}
	return message.GetDeltas().GetDeltas()
}

// reasonOf returns the reason that the details of an error name.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
}

func newID() string {
	id := make([]byte, 16)
	_, err := rand.Read(id)
	check(err)
	return fmt.Sprintf("%x", id)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
