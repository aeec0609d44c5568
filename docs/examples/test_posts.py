import asyncio
import queue
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

from rescue_emulator.testing import World

posts: queue.Queue[dict[str, list[str]]] = queue.Queue()


class Integration(BaseHTTPRequestHandler):  # yours stands here
    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        posts.put(parse_qs(form, keep_blank_values=True))
        self.send_response(204)
        self.end_headers()


async def test_a_ticket_gets_the_chat_of_its_session(world: World) -> None:
    with HTTPServer(("127.0.0.1", 0), Integration) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/tickets"
        await world.admin.change_settings("group:Support", {"post-end": url})
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        await world.computer(pin=pin)
        await alice.start(session)
        await alice.command("chat", session, "Good morning")
        await alice.end(session)
        post = await asyncio.to_thread(posts.get, timeout=30)
        server.shutdown()
    assert (post["SessionID"], post["CField0"]) == ([session], ["Ms Vos"])
    (technician,) = post["TechName"]  # "alice", or what a shared server calls its guest of this name
    assert technician.startswith("alice")
    assert f"{technician}: Good morning\n" in post["ChatLog"][0]
