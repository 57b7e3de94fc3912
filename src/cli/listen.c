/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* listen.c - a listening socket for a guest: made before it runs, so that all it can do is accept. Addresses are
 * numbers: nothing is looked up. */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"

/* "127.0.0.1:80", "[::1]:80", ":80" for any address, cut in two. False if it is none of them. */
static bool split(const char *where, char host[64], const char **port)
{
    const char *colon = strrchr(where, ':');
    if (colon == NULL) return false;
    const char *from = where, *to = colon;
    if (from[0] == '[' && to - from > 2 && to[-1] == ']') {
        from++;
        to--;
    } else if (memchr(from, ':', (size_t)(to - from)) != NULL) {
        return false;
    }
    if ((size_t)(to - from) >= 64) return false;
    memcpy(host, from, (size_t)(to - from));
    host[to - from] = '\0';
    *port = colon + 1;
    uint64_t number;
    return cli_parse_count(*port, 65535, &number);
}

static bool start(int fd, const struct addrinfo *address)
{
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    return bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0;
}

static void say_where(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[64], port[16];
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return;
    if (getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        fprintf(stderr, strchr(host, ':') != NULL ? "tern: listening on [%s]:%s\n" : "tern: listening on %s:%s\n", host,
                port);
}

int cli_listen(const char *where, char *problem, size_t size)
{
    char host[64];
    const char *port;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *address = NULL;
    if (!split(where, host, &port) || getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &address) != 0) {
        snprintf(problem, size, "write it ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080");
        return -1;
    }
    int fd = socket(address->ai_family, SOCK_STREAM, 0);
    if (fd < 0 || !start(fd, address)) {
        snprintf(problem, size, "%s", strerror(errno));
        if (fd >= 0) close(fd);
        fd = -1;
    } else if (strcmp(port, "0") == 0) {
        say_where(fd);
    }
    freeaddrinfo(address);
    return fd;
}
