/*
 * Preloaded into a server or a node process so that a test can set its clock: the time is read from a mapped
 * file of three 64-bit numbers. The first two are the wall clock and the monotonic clock in nanoseconds;
 * 0 leaves that clock alone. The third is added to the wall clock where that runs by itself.
 * No allocation and no libc clock in here: allocators ask for the time before main().
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *set_clocks(void) {
  static const volatile int64_t *mapped;
  if (mapped) return mapped;
  const char *path = getenv("TEST_CLOCK_FILE");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 0;
  void *page = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (page == MAP_FAILED) return 0;
  return mapped = page;
}

int clock_gettime(clockid_t id, struct timespec *out) {
  const volatile int64_t *clocks = set_clocks();
  int wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
  int monotonic = id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME;
  int64_t set = !clocks ? 0 : wall ? clocks[0] : monotonic ? clocks[1] : 0;
  if (set) {
    out->tv_sec = set / 1000000000;
    out->tv_nsec = set % 1000000000;
    return 0;
  }
  long result = syscall(SYS_clock_gettime, id, out);
  if (wall && clocks) out->tv_sec += clocks[2] / 1000000000;
  return (int)result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
