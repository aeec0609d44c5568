/* A machine whose wall clock jumps and whose disk refuses to sync. Loaded with LD_PRELOAD into every program of a run.
 *
 * The file TORTURE_MACHINE holds two numbers that the test changes at any time: by how many seconds the wall clock is
 * ahead, and whether fsync fails. Only files under TORTURE_DISK are on the disk that fails.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct machine {
    volatile int64_t ahead;
    volatile int64_t failing;
};

static struct machine *machine;
static const char *disk;

__attribute__((constructor)) static void find_machine(void) {
    const char *file = getenv("TORTURE_MACHINE");
    int number = file ? open(file, O_RDWR | O_CLOEXEC) : -1;
    if (number < 0)
        return;
    void *found = mmap(NULL, sizeof(struct machine), PROT_READ | PROT_WRITE, MAP_SHARED, number, 0);
    close(number);
    if (found != MAP_FAILED)
        machine = found;
    disk = getenv("TORTURE_DISK");
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = (int)syscall(SYS_clock_gettime, clock, now);
    if (!done && machine && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += machine->ahead;
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    (void)zone;
    int done = clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return done;
}

time_t time(time_t *now) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (now)
        *now = found.tv_sec;
    return found.tv_sec;
}

static int refuses(int file) {
    char link[64], path[PATH_MAX];
    if (!machine || !machine->failing || !disk)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return strncmp(path, disk, strlen(disk)) == 0;
}

int fsync(int file) {
    if (refuses(file)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    if (refuses(file)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, file);
}
