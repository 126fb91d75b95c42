/*
 * Preloaded into a node process so that a test decides which addresses a name has, and in which order: `several.test`
 * has those of TEST_ADDRESSES, separated by commas.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

typedef int (*resolver)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  resolver real = (resolver)dlsym(RTLD_NEXT, "getaddrinfo");
  const char *addresses = getenv("TEST_ADDRESSES");
  if (!name || !addresses || strcmp(name, "several.test") != 0) return real(name, service, hints, found);
  char *rest = strdup(addresses), *all = rest, *one;
  *found = NULL;
  while ((one = strsep(&rest, ","))) {
    struct addrinfo **end = found;
    while (*end) end = &(*end)->ai_next;
    int failed = real(one, service, hints, end);
    if (failed) return failed;
  }
  free(all);
  return 0;
}
