/*
 * Preloaded into a server so that a test fills its disk: while the file TEST_DISK_FILE is there, no file below the folder
 * that it names grows, as on a device without a free block. What was written before may be written over.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Whether it would end a file behind its end, and may not. */
static int is_full(int fd, off_t end) {
  struct stat file;
  if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || end <= file.st_size) return 0;
  const char *flag = getenv("TEST_DISK_FILE");
  int told = flag ? open(flag, O_RDONLY | O_CLOEXEC) : -1;
  if (told < 0) return 0;
  char folder[PATH_MAX], path[PATH_MAX], link[32];
  ssize_t folder_bytes = read(told, folder, sizeof folder);
  close(told);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t path_bytes = readlink(link, path, sizeof path);
  return folder_bytes > 0 && path_bytes >= folder_bytes && memcmp(folder, path, folder_bytes) == 0;
}

static int refuses(int fd, off_t end) {
  int before = errno;
  int full = is_full(fd, end);
  errno = full ? ENOSPC : before;
  return full;
}

static off_t sum(const struct iovec *parts, int many) {
  off_t bytes = 0;
  for (int i = 0; i < many; i++) bytes += parts[i].iov_len;
  return bytes;
}

static off_t behind(int fd) { return fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR); }

ssize_t write(int fd, const void *from, size_t bytes) {
  off_t at = behind(fd);
  if (at >= 0 && refuses(fd, at + bytes)) return -1;
  return REAL(write)(fd, from, bytes);
}

ssize_t pwrite(int fd, const void *from, size_t bytes, off_t at) {
  return refuses(fd, at + bytes) ? -1 : REAL(pwrite)(fd, from, bytes, at);
}

ssize_t pwrite64(int fd, const void *from, size_t bytes, off64_t at) {
  return refuses(fd, at + bytes) ? -1 : REAL(pwrite64)(fd, from, bytes, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int many, off_t at) {
  return refuses(fd, at + sum(parts, many)) ? -1 : REAL(pwritev)(fd, parts, many, at);
}

int posix_fallocate(int fd, off_t at, off_t bytes) {
  return refuses(fd, at + bytes) ? ENOSPC : REAL(posix_fallocate)(fd, at, bytes);
}

int fallocate64(int fd, int mode, off64_t at, off64_t bytes) {
  return refuses(fd, at + bytes) ? -1 : REAL(fallocate64)(fd, mode, at, bytes);
}
