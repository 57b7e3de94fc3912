/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* socket.c - port/socket.h on BSD sockets. */
#define _GNU_SOURCE 1
#include "port/socket.h"
#include "port/file.h"
#include "port/posix/errno.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* --- addresses -------------------------------------------------------------------------------------- */

typedef union SocketAddress {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
    struct sockaddr_storage room;
} SocketAddress;

bool tern_port_address_parse(const char *text, PortAddress *out)
{
    out->is_ip6 = strchr(text, ':') != NULL;
    memset(out->bytes, 0, sizeof out->bytes);
    return inet_pton(out->is_ip6 ? AF_INET6 : AF_INET, text, out->bytes) == 1;
}

static socklen_t address_to(const PortAddress *address, SocketAddress *out)
{
    memset(out, 0, sizeof *out);
    if (address->is_ip6) {
        out->ip6.sin6_family = AF_INET6;
        out->ip6.sin6_port = htons(address->port);
        memcpy(&out->ip6.sin6_addr, address->bytes, 16);
        return sizeof out->ip6;
    }
    out->ip4.sin_family = AF_INET;
    out->ip4.sin_port = htons(address->port);
    memcpy(&out->ip4.sin_addr, address->bytes, 4);
    return sizeof out->ip4;
}

static PortError address_from(const SocketAddress *in, PortAddress *out)
{
    *out = (PortAddress){.is_ip6 = in->any.sa_family == AF_INET6};
    if (in->any.sa_family == AF_INET6) {
        out->port = ntohs(in->ip6.sin6_port);
        memcpy(out->bytes, &in->ip6.sin6_addr, 16);
    } else if (in->any.sa_family == AF_INET) {
        out->port = ntohs(in->ip4.sin_port);
        memcpy(out->bytes, &in->ip4.sin_addr, 4);
    } else {
        return PORT_E_AFNOSUPPORT;
    }
    return PORT_OK;
}

/* --- connecting ------------------------------------------------------------------------------------- */

PortError tern_port_socket_new(bool is_ip6, bool is_stream, s64 *handle)
{
    int fd = socket(is_ip6 ? AF_INET6 : AF_INET, is_stream ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (fd < 0) return error_of(errno);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    *handle = fd;
    return PORT_OK;
}

PortError tern_port_socket_bind(s64 handle, const PortAddress *address)
{
    SocketAddress to;
    socklen_t size = address_to(address, &to);
    return error_of_call(bind(fd_of(handle), &to.any, size));
}

PortError tern_port_socket_listen(s64 handle, u32 backlog)
{
    return error_of_call(listen(fd_of(handle), (int)u64_min(backlog, INT_MAX)));
}

void tern_port_socket_close(s64 handle)
{
    struct linger linger = {0};
    socklen_t size = sizeof linger;
    int fd = fd_of(handle);
    /* close would wait, and a socket that does not block makes no difference to that. 0 seconds is a reset. */
    if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 && linger.l_onoff != 0 && linger.l_linger != 0) {
        linger.l_onoff = 0;
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    tern_port_handle_close(handle);
}

PortError tern_port_socket_connect(s64 handle, const PortAddress *address)
{
    SocketAddress to;
    socklen_t size = address_to(address, &to);
    return error_of_call(connect(fd_of(handle), &to.any, size));
}

PortError tern_port_socket_error(s64 handle)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd_of(handle), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return error_of(errno);
    return error == 0 ? PORT_OK : error_of(error);
}

PortError tern_port_socket_local(s64 handle, PortAddress *out)
{
    SocketAddress got;
    socklen_t size = sizeof got;
    if (getsockname(fd_of(handle), &got.any, &size) != 0) return error_of(errno);
    return address_from(&got, out);
}

PortError tern_port_socket_remote(s64 handle, PortAddress *out)
{
    SocketAddress got;
    socklen_t size = sizeof got;
    if (getpeername(fd_of(handle), &got.any, &size) != 0) return error_of(errno);
    return address_from(&got, out);
}

/* --- datagrams -------------------------------------------------------------------------------------- */

static size_t iovecs_of(struct iovec *iov, const PortSlice *slices, u32 n)
{
    u32 count = n < PORT_SLICES_MAX ? n : PORT_SLICES_MAX;
    for (u32 i = 0; i < count; i++) iov[i] = (struct iovec){slices[i].bytes, slices[i].size};
    return count;
}

PortError tern_port_socket_recv_from(s64 handle, const PortSlice *slices, u32 n, bool peek, size_t *done,
                                     bool *is_truncated, PortAddress *from)
{
    struct iovec iov[PORT_SLICES_MAX];
    SocketAddress sender = {.any = {.sa_family = AF_UNSPEC}};
    struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = iov,
                             .msg_iovlen = iovecs_of(iov, slices, n)};
    ssize_t got = recvmsg(fd_of(handle), &message, MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
    if (got < 0) return error_of(errno);
    *done = (size_t)got;
    *is_truncated = (message.msg_flags & MSG_TRUNC) != 0;
    /* A connected stream names nobody: whom it is connected to is known. */
    if (message.msg_namelen == 0 || address_from(&sender, from) != PORT_OK)
        (void)tern_port_socket_remote(handle, from);
    return PORT_OK;
}

PortError tern_port_socket_send_to(s64 handle, const PortSlice *slices, u32 n, size_t *done, const PortAddress *to)
{
    struct iovec iov[PORT_SLICES_MAX];
    SocketAddress receiver;
    socklen_t size = address_to(to, &receiver);
    struct msghdr message = {.msg_name = &receiver, .msg_namelen = size, .msg_iov = iov,
                             .msg_iovlen = iovecs_of(iov, slices, n)};
    ssize_t put = sendmsg(fd_of(handle), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0) return error_of(errno);
    *done = (size_t)put;
    return PORT_OK;
}

/* --- options ---------------------------------------------------------------------------------------- */

typedef struct OptionRow {
    int level, name; /* name -1: the machine has none such */
} OptionRow;

static const OptionRow options[PORT_SOCKET_OPTIONS] = {
    [PORT_SOCKET_REUSE_ADDR] = {SOL_SOCKET, SO_REUSEADDR},
    [PORT_SOCKET_REUSE_PORT] = {SOL_SOCKET, SO_REUSEPORT},
    [PORT_SOCKET_BROADCAST] = {SOL_SOCKET, SO_BROADCAST},
    [PORT_SOCKET_KEEP_ALIVE] = {SOL_SOCKET, SO_KEEPALIVE},
    [PORT_SOCKET_RECV_BUF] = {SOL_SOCKET, SO_RCVBUF},
    [PORT_SOCKET_SEND_BUF] = {SOL_SOCKET, SO_SNDBUF},
    [PORT_SOCKET_NO_DELAY] = {IPPROTO_TCP, TCP_NODELAY},
#ifdef TCP_QUICKACK
    [PORT_SOCKET_QUICK_ACK] = {IPPROTO_TCP, TCP_QUICKACK},
#else
    [PORT_SOCKET_QUICK_ACK] = {0, -1},
#endif
#ifdef TCP_KEEPIDLE
    [PORT_SOCKET_KEEP_IDLE] = {IPPROTO_TCP, TCP_KEEPIDLE},
#else
    [PORT_SOCKET_KEEP_IDLE] = {0, -1},
#endif
#ifdef TCP_KEEPINTVL
    [PORT_SOCKET_KEEP_INTERVAL] = {IPPROTO_TCP, TCP_KEEPINTVL},
#else
    [PORT_SOCKET_KEEP_INTERVAL] = {0, -1},
#endif
#ifdef TCP_FASTOPEN_CONNECT
    [PORT_SOCKET_FASTOPEN_CONNECT] = {IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
#else
    [PORT_SOCKET_FASTOPEN_CONNECT] = {0, -1},
#endif
    [PORT_SOCKET_TTL] = {IPPROTO_IP, IP_TTL},
    [PORT_SOCKET_MULTICAST_TTL] = {IPPROTO_IP, IP_MULTICAST_TTL},
    [PORT_SOCKET_MULTICAST_LOOP] = {IPPROTO_IP, IP_MULTICAST_LOOP},
    [PORT_SOCKET_MULTICAST_LOOP6] = {IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
    [PORT_SOCKET_IPV6_ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY},
};

PortError tern_port_socket_get(s64 handle, PortSocketOption option, u32 *value)
{
    int got = 0;
    socklen_t size = sizeof got;
    if (options[option].name < 0) return PORT_E_NOTSUP;
    if (getsockopt(fd_of(handle), options[option].level, options[option].name, &got, &size) != 0)
        return error_of(errno);
    *value = size == 1 ? *(const u8 *)&got : (u32)got;
    return PORT_OK;
}

PortError tern_port_socket_set(s64 handle, PortSocketOption option, u32 value)
{
    int put = (int)u64_min(value, INT_MAX);
    if (options[option].name < 0) return PORT_E_NOTSUP;
    return error_of_call(setsockopt(fd_of(handle), options[option].level, options[option].name, &put, sizeof put));
}

PortError tern_port_socket_get_linger(s64 handle, bool *is_on, u32 *seconds)
{
    struct linger linger = {0};
    socklen_t size = sizeof linger;
    if (getsockopt(fd_of(handle), SOL_SOCKET, SO_LINGER, &linger, &size) != 0) return error_of(errno);
    *is_on = linger.l_onoff != 0;
    *seconds = (u32)linger.l_linger;
    return PORT_OK;
}

PortError tern_port_socket_set_linger(s64 handle, bool is_on, u32 seconds)
{
    struct linger linger = {.l_onoff = is_on, .l_linger = (int)u64_min(seconds, INT_MAX)};
    return error_of_call(setsockopt(fd_of(handle), SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

PortError tern_port_socket_membership(s64 handle, const PortAddress *group, u32 interface, bool join)
{
    if (group->is_ip6) {
        struct ipv6_mreq request = {.ipv6mr_interface = interface};
        memcpy(&request.ipv6mr_multiaddr, group->bytes, 16);
        return error_of_call(setsockopt(fd_of(handle), IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP,
                                        &request, sizeof request));
    }
    struct ip_mreq request = {.imr_interface = {.s_addr = interface}};
    memcpy(&request.imr_multiaddr, group->bytes, 4);
    return error_of_call(setsockopt(fd_of(handle), IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP,
                                    &request, sizeof request));
}

/* --- names ------------------------------------------------------------------------------------------ */

/* Held by the thread that asks and by whoever wants to know; the last frees it. */
struct PortResolve {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool is_done;
    u32 nrefs;
    int error;
    struct addrinfo hints, *answers;
    char *service; /* behind host, or NULL */
    char host[];
};

static void resolve_drop(PortResolve *r)
{
    pthread_mutex_lock(&r->lock);
    bool is_last = --r->nrefs == 0;
    pthread_mutex_unlock(&r->lock);
    if (!is_last) return;
    if (r->answers != NULL) freeaddrinfo(r->answers);
    pthread_cond_destroy(&r->cond);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void *resolve_run(void *arg)
{
    PortResolve *r = arg;
    struct addrinfo *answers = NULL;
    int error = getaddrinfo(r->host, r->service, &r->hints, &answers);
    pthread_mutex_lock(&r->lock);
    r->error = error;
    r->answers = error == 0 ? answers : NULL;
    r->is_done = true;
    pthread_cond_broadcast(&r->cond);
    pthread_mutex_unlock(&r->lock);
    resolve_drop(r);
    return NULL;
}

PortResolve *tern_port_resolve_start(const char *host, const char *service, PortFamily family,
                                     PortTransport transport)
{
    size_t host_size = strlen(host) + 1, service_size = service != NULL ? strlen(service) + 1 : 1;
    PortResolve *r = malloc(sizeof *r + host_size + service_size);
    if (r == NULL) return NULL;
    *r = (PortResolve){.nrefs = 2,
                       .hints = {.ai_family = family == PORT_FAMILY_IP4   ? AF_INET
                                              : family == PORT_FAMILY_IP6 ? AF_INET6
                                                                          : AF_UNSPEC,
                                 .ai_socktype = transport == PORT_TRANSPORT_STREAM     ? SOCK_STREAM
                                                : transport == PORT_TRANSPORT_DATAGRAM ? SOCK_DGRAM
                                                                                       : 0}};
    memcpy(r->host, host, host_size);
    if (service_size > 1) {
        r->service = r->host + host_size;
        memcpy(r->service, service, service_size);
    }
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_t cond_attr;
    pthread_condattr_init(&cond_attr);
    pthread_condattr_setclock(&cond_attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->cond, &cond_attr);
    pthread_condattr_destroy(&cond_attr);

    pthread_attr_t attr;
    pthread_t id;
    bool ok = pthread_attr_init(&attr) == 0;
    if (ok) {
        ok = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
             pthread_create(&id, &attr, resolve_run, r) == 0;
        pthread_attr_destroy(&attr);
    }
    if (ok) return r;
    r->nrefs = 1;
    resolve_drop(r);
    return NULL;
}

bool tern_port_resolve_wait(PortResolve *r, u64 timeout_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    u64 ns = (u64)until.tv_nsec + timeout_ns % 1000000000u;
    until.tv_sec += (time_t)(timeout_ns / 1000000000u + ns / 1000000000u);
    until.tv_nsec = (long)(ns % 1000000000u);
    pthread_mutex_lock(&r->lock);
    while (!r->is_done && pthread_cond_timedwait(&r->cond, &r->lock, &until) != ETIMEDOUT) {}
    bool is_done = r->is_done;
    pthread_mutex_unlock(&r->lock);
    return is_done;
}

PortError tern_port_resolve_get(const PortResolve *r, PortResolved *out, u32 max, u32 *n)
{
    *n = 0;
    switch (r->error) {
    case 0: break;
    case EAI_AGAIN: return PORT_E_AGAIN;
    case EAI_MEMORY: return PORT_E_NOMEM;
    case EAI_SYSTEM: return PORT_E_IO;
    default: return PORT_E_NOENT;
    }
    for (const struct addrinfo *a = r->answers; a != NULL; a = a->ai_next) {
        SocketAddress address;
        bool is_known = (a->ai_family == AF_INET && a->ai_addrlen >= sizeof address.ip4) ||
                        (a->ai_family == AF_INET6 && a->ai_addrlen >= sizeof address.ip6);
        if (!is_known || (a->ai_socktype != SOCK_STREAM && a->ai_socktype != SOCK_DGRAM)) continue;
        memcpy(&address, a->ai_addr, a->ai_addrlen);
        if (*n < max) {
            (void)address_from(&address, &out[*n].address);
            out[*n].is_stream = a->ai_socktype == SOCK_STREAM;
        }
        ++*n;
    }
    return PORT_OK;
}

void tern_port_resolve_free(PortResolve *r)
{
    if (r != NULL) resolve_drop(r);
}
