/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* socket.h - sockets of the internet protocols: made, bound, connected, and what can be asked and told of them.
 *
 * Sockets made here never block and are not inherited by other programs. Who may talk to whom is the caller's
 * question. */
#ifndef TERN_PORT_SOCKET_H
#define TERN_PORT_SOCKET_H

#include "port/stream.h"

typedef struct PortAddress {
    bool is_ip6;
    u16 port;
    u8 bytes[16]; /* the first 4 of IPv4; in the network's order */
} PortAddress;

/* "127.0.0.1", "::1"; the port is not touched. False: no address. */
bool tern_port_address_parse(const char *text, PortAddress *out);

PortError tern_port_socket_new(bool is_ip6, bool is_stream, s64 *handle);
PortError tern_port_socket_bind(s64 handle, const PortAddress *address);
PortError tern_port_socket_listen(s64 handle, u32 backlog);
/* At once, however long the socket is to linger: the system sends what is left. */
void tern_port_socket_close(s64 handle);
/* INPROGRESS: it is under way, and over when the socket can be written to: then tern_port_socket_error tells. */
PortError tern_port_socket_connect(s64 handle, const PortAddress *address);
PortError tern_port_socket_error(s64 handle);
PortError tern_port_socket_local(s64 handle, PortAddress *out);
PortError tern_port_socket_remote(s64 handle, PortAddress *out);
/* As tern_port_socket_recv and _send of file.h, with whom the datagram is from or to. */
PortError tern_port_socket_recv_from(s64 handle, const PortSlice *slices, u32 n, bool peek, size_t *done,
                                     bool *is_truncated, PortAddress *from);
PortError tern_port_socket_send_to(s64 handle, const PortSlice *slices, u32 n, size_t *done, const PortAddress *to);

/* An option is a number; what is a switch is 0 or 1. */
typedef enum PortSocketOption {
    PORT_SOCKET_REUSE_ADDR, PORT_SOCKET_REUSE_PORT, PORT_SOCKET_BROADCAST, PORT_SOCKET_KEEP_ALIVE,
    PORT_SOCKET_RECV_BUF, PORT_SOCKET_SEND_BUF, PORT_SOCKET_NO_DELAY, PORT_SOCKET_QUICK_ACK,
    PORT_SOCKET_KEEP_IDLE, PORT_SOCKET_KEEP_INTERVAL, PORT_SOCKET_FASTOPEN_CONNECT, PORT_SOCKET_TTL,
    PORT_SOCKET_MULTICAST_TTL, PORT_SOCKET_MULTICAST_LOOP, PORT_SOCKET_MULTICAST_LOOP6, PORT_SOCKET_IPV6_ONLY,
    PORT_SOCKET_OPTIONS
} PortSocketOption;
/* NOTSUP if the machine has no such option; NOPROTOOPT or NOTSUP if the socket has not. */
PortError tern_port_socket_get(s64 handle, PortSocketOption option, u32 *value);
PortError tern_port_socket_set(s64 handle, PortSocketOption option, u32 value);
PortError tern_port_socket_get_linger(s64 handle, bool *is_on, u32 *seconds);
PortError tern_port_socket_set_linger(s64 handle, bool is_on, u32 seconds);
/* interface: its number, for IPv6; its address in the network's order, for IPv4. 0: the machine chooses. */
PortError tern_port_socket_membership(s64 handle, const PortAddress *group, u32 interface, bool join);

typedef struct PortResolved {
    PortAddress address;
    bool is_stream;
} PortResolved;
typedef enum PortFamily { PORT_FAMILY_ANY, PORT_FAMILY_IP4, PORT_FAMILY_IP6 } PortFamily;
typedef enum PortTransport { PORT_TRANSPORT_ANY, PORT_TRANSPORT_STREAM, PORT_TRANSPORT_DATAGRAM } PortTransport;

/* A question for the machine's resolver, which may take as long as it likes: it is asked by a thread of its own,
 * and whoever waits can stop waiting. */
typedef struct PortResolve PortResolve;
/* service "" or NULL: none. NULL: no memory, or no thread. */
PortResolve *tern_port_resolve_start(const char *host, const char *service, PortFamily family,
                                     PortTransport transport);
/* Waits at most timeout_ns for the answer. */
bool tern_port_resolve_wait(PortResolve *resolve, u64 timeout_ns);
/* After the wait said true: up to max answers; *n is how many there are. NOENT: no such name. */
PortError tern_port_resolve_get(const PortResolve *resolve, PortResolved *out, u32 max, u32 *n);
/* Whatever the state: an answer that comes later is thrown away. */
void tern_port_resolve_free(PortResolve *resolve);

#endif
