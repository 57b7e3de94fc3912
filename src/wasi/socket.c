/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* socket.c - sockets that the guest makes itself: WAMR's additions to preview 1. Names, signatures and structures
 * are its; what they may reach is up to the pools of wasi/net.h, and everything else is EACCES.
 *
 * The sockets never block on the host. A call that waits does so in fd.c, in slices. */
#include "wasi/context.h"

/* Of the guest's structures. */
enum { FAMILY_IP4 = 0, FAMILY_IP6 = 1, FAMILY_ANY = 2, TYPE_DATAGRAM = 0, TYPE_STREAM = 1, TYPE_ANY = UINT32_MAX };
#define ADDRESS_BYTES 24u    /* kind u32, then the address and its port u16 */
#define IP_BYTES 20u         /* kind u32, then the address */
#define INFO_BYTES 28u       /* an address, then the type u32 */
#define HINTS_BYTES 12u      /* type u32, family u32, enabled u8 */
#define NAME_MAX_BYTES 256u
#define ANSWERS_MAX 64u

/* --- addresses of the guest ------------------------------------------------------------------------- */

/* IPv6 is eight numbers of 16 bits in the guest's order. */
static WasiErrno get_ip(const u8 *p, PortAddress *out)
{
    u64 kind = wasi_get(p, 4);
    if (kind != FAMILY_IP4 && kind != FAMILY_IP6) return WASI_EAFNOSUPPORT;
    *out = (PortAddress){.is_ip6 = kind == FAMILY_IP6};
    for (u32 i = 0; i < (out->is_ip6 ? 16u : 4u); i++) out->bytes[i] = p[4 + (out->is_ip6 ? i ^ 1 : i)];
    return WASI_ESUCCESS;
}

static void put_ip(u8 *p, const PortAddress *address)
{
    wasi_put(p, address->is_ip6 ? FAMILY_IP6 : FAMILY_IP4, 4);
    for (u32 i = 0; i < (address->is_ip6 ? 16u : 4u); i++) p[4 + (address->is_ip6 ? i ^ 1 : i)] = address->bytes[i];
}

/* Copied first: another thread may be changing it. */
static WasiErrno get_address(const WasiCall *call, u64 addr, PortAddress *out)
{
    u8 copy[ADDRESS_BYTES];
    const u8 *p = wasi_range(call, addr, sizeof copy);
    if (p == NULL) return WASI_EFAULT;
    racy_copy(copy, p, sizeof copy);
    WasiErrno error = get_ip(copy, out);
    if (error == WASI_ESUCCESS) out->port = (u16)wasi_get(copy + (out->is_ip6 ? 20 : 8), 2);
    return error;
}

static void put_address(u8 *p, const PortAddress *address)
{
    memset(p, 0, ADDRESS_BYTES);
    put_ip(p, address);
    wasi_put(p + (address->is_ip6 ? 20 : 8), address->port, 2);
}

static WasiErrno get_allowed(const WasiCall *call, u64 addr, PortAddress *out)
{
    WasiErrno error = get_address(call, addr, out);
    if (error != WASI_ESUCCESS) return error;
    return tern_wasi_net_allows(&call->wasi->net, out) ? WASI_ESUCCESS : WASI_EACCES;
}

/* Of somebody to connect or send to. */
static WasiErrno get_peer(const WasiCall *call, u64 addr, PortAddress *out)
{
    WasiErrno error = get_address(call, addr, out);
    if (error != WASI_ESUCCESS) return error;
    *out = tern_wasi_net_peer(out);
    return tern_wasi_net_allows(&call->wasi->net, out) ? WASI_ESUCCESS : WASI_EACCES;
}

/* --- making and connecting -------------------------------------------------------------------------- */

/* The first parameter is a descriptor that WAMR has no use for either. */
WasiErrno tern_wasi_sock_open(WasiCall *call, const u64 *args)
{
    if (args[1] != FAMILY_IP4 && args[1] != FAMILY_IP6) return WASI_EAFNOSUPPORT;
    if (args[2] != TYPE_DATAGRAM && args[2] != TYPE_STREAM) return WASI_EINVAL;
    if (wasi_range(call, args[3], 4) == NULL) return WASI_EFAULT;
    bool is_stream = args[2] == TYPE_STREAM;
    WasiFd new = {.ops = &tern_wasi_socket_ops, .kind = PORT_STREAM_SOCKET,
                  .type = is_stream ? PORT_FILE_SOCKET_STREAM : PORT_FILE_SOCKET_DATAGRAM,
                  .rights = (u64)WASI_RIGHTS_SOCKET | WASI_RIGHT_SOCK_ACCEPT,
                  .rights_inheriting = WASI_RIGHTS_SOCKET};
    PortError got = tern_port_socket_new(args[1] == FAMILY_IP6, is_stream, &new.handle);
    if (got != PORT_OK) return tern_wasi_errno_of(got);
    u32 number;
    WasiErrno error = tern_wasi_fd_insert(call->wasi, &new, &number);
    return error != WASI_ESUCCESS ? error : wasi_store(call, args[3], number, 4);
}

WasiErrno tern_wasi_sock_close(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_socket_take(call, args[0], 0, &f);
    return error != WASI_ESUCCESS ? error : tern_wasi_fd_close(call, args);
}

/* Before a socket is bound, under lock: one of IPv6 that is bound to any address serves IPv4 too, unless it is told
 * not to, which cannot be taken back once it is bound. */
static PortError confine(const WasiNet *net, const WasiFd *f, const PortAddress *local)
{
    static const PortAddress any_ip4 = {.is_ip6 = false};
    if (!local->is_ip6 || !tern_wasi_net_is_any(local) || tern_wasi_net_allows(net, &any_ip4)) return PORT_OK;
    return tern_port_socket_set(f->handle, PORT_SOCKET_IPV6_ONLY, 1);
}

WasiErrno tern_wasi_sock_bind(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    PortAddress address;
    WasiErrno error = tern_wasi_socket_take(call, args[0], 0, &f);
    if (error == WASI_ESUCCESS) error = get_allowed(call, args[1], &address);
    if (error != WASI_ESUCCESS) return error;
    tern_port_mutex_lock(&call->wasi->lock);
    PortError got = confine(&call->wasi->net, f, &address);
    if (got == PORT_OK) got = tern_port_socket_bind(f->handle, &address);
    if (got == PORT_OK) f->is_bound = true;
    tern_port_mutex_unlock(&call->wasi->lock);
    return tern_wasi_errno_of(got);
}

/* A socket that the guest did not bind would be now, to every address of the machine: the pool must allow that
 * one. What the system says its address is may be another thread's connecting, and over in a moment. */
WasiErrno tern_wasi_sock_listen(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    PortAddress local;
    const WasiNet *net = &call->wasi->net;
    WasiErrno error = tern_wasi_socket_take(call, args[0], 0, &f);
    if (error != WASI_ESUCCESS) return error;
    PortError got = tern_port_socket_local(f->handle, &local);
    if (got != PORT_OK) return tern_wasi_errno_of(got);
    tern_port_mutex_lock(&call->wasi->lock);
    bool will_be_bound = !f->is_bound && f->ops == &tern_wasi_socket_ops;
    if (will_be_bound) memset(local.bytes, 0, sizeof local.bytes);
    bool ok = tern_wasi_net_allows(net, &local);
    if (ok && will_be_bound) got = confine(net, f, &local);
    if (ok && got == PORT_OK) got = tern_port_socket_listen(f->handle, (u32)args[1]);
    tern_port_mutex_unlock(&call->wasi->lock);
    return ok ? tern_wasi_errno_of(got) : WASI_EACCES;
}

WasiErrno tern_wasi_sock_connect(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    PortAddress address;
    WasiErrno error = tern_wasi_socket_take(call, args[0], 0, &f);
    if (error == WASI_ESUCCESS) error = get_peer(call, args[1], &address);
    if (error != WASI_ESUCCESS) return error;
    PortError got = tern_port_socket_connect(f->handle, &address);
    bool waits = (tern_wasi_fd_flags(call->wasi, f) & WASI_FDFLAG_NONBLOCK) == 0;
    if ((got != PORT_E_INPROGRESS && got != PORT_E_INTR) || !waits) return tern_wasi_errno_of(got);
    error = tern_wasi_wait_for(call, f, true);
    if (error == WASI_EAGAIN) return WASI_ETIMEDOUT;
    return error != WASI_ESUCCESS ? error : tern_wasi_errno_of(tern_port_socket_error(f->handle));
}

static WasiErrno tell_address(WasiCall *call, const u64 *args, PortError (*ask)(s64 handle, PortAddress *out))
{
    WasiFd *f;
    PortAddress address;
    WasiErrno error = tern_wasi_socket_take(call, args[0], 0, &f);
    if (error != WASI_ESUCCESS) return error;
    u8 *p = wasi_range(call, args[1], ADDRESS_BYTES);
    if (p == NULL) return WASI_EFAULT;
    PortError got = ask(f->handle, &address);
    if (got == PORT_OK) put_address(p, &address);
    return tern_wasi_errno_of(got);
}

WasiErrno tern_wasi_sock_addr_local(WasiCall *call, const u64 *args)
{
    return tell_address(call, args, tern_port_socket_local);
}

WasiErrno tern_wasi_sock_addr_remote(WasiCall *call, const u64 *args)
{
    return tell_address(call, args, tern_port_socket_remote);
}

/* --- datagrams -------------------------------------------------------------------------------------- */

/* Address 0 is nobody: whom the socket is connected to. */
WasiErrno tern_wasi_sock_send_to(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    PortAddress to;
    WasiErrno error = tern_wasi_socket_take(call, args[0], WASI_RIGHT_FD_WRITE, &f);
    if (error == WASI_ESUCCESS && args[4] != 0) error = get_peer(call, args[4], &to);
    if (error != WASI_ESUCCESS) return error;
    if (args[3] != 0) return WASI_EINVAL;
    return tern_wasi_socket_send(call, f, args[1], args[2], args[4] != 0 ? &to : NULL, args[5]);
}

WasiErrno tern_wasi_sock_recv_from(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    PortAddress from = {0};
    WasiErrno error = tern_wasi_socket_take(call, args[0], WASI_RIGHT_FD_READ, &f);
    if (error != WASI_ESUCCESS) return error;
    u8 *p = wasi_range(call, args[4], ADDRESS_BYTES);
    if (p == NULL) return WASI_EFAULT;
    bool is_truncated;
    error = tern_wasi_socket_recv(call, f, args[1], args[2], args[3], &from, args[5], &is_truncated);
    if (error == WASI_ESUCCESS && args[4] != 0) put_address(p, &from);
    return error;
}

/* --- names ------------------------------------------------------------------------------------------ */

static WasiErrno copy_string(const WasiCall *call, u64 addr, char out[NAME_MAX_BYTES])
{
    u64 size;
    const char *text = call->memory != NULL ? tern_guest_string(call->memory, addr, &size) : NULL;
    if (text == NULL) return WASI_EFAULT;
    if (size >= NAME_MAX_BYTES) return WASI_ENAMETOOLONG;
    racy_copy(out, text, (size_t)size);
    out[size] = '\0';
    return WASI_ESUCCESS;
}

static WasiErrno ask_resolver(WasiCall *call, PortResolve *resolve, PortResolved *answers, u32 *n)
{
    while (!tern_port_resolve_wait(resolve, WASI_SLICE_NS))
        if (wasi_interrupted(call)) return WASI_EINTR;
    return tern_wasi_errno_of(tern_port_resolve_get(resolve, answers, ANSWERS_MAX, n));
}

/* As many answers as the guest has room for, and how many there are. */
WasiErrno tern_wasi_sock_addr_resolve(WasiCall *call, const u64 *args)
{
    char host[NAME_MAX_BYTES], service[NAME_MAX_BYTES];
    WasiErrno error = copy_string(call, args[0], host);
    if (error == WASI_ESUCCESS) error = copy_string(call, args[1], service);
    if (error != WASI_ESUCCESS) return error;
    const u8 *hints = wasi_range(call, args[2], HINTS_BYTES);
    u8 *infos = wasi_array(call, args[3], args[4], INFO_BYTES);
    if (hints == NULL || infos == NULL || wasi_range(call, args[5], 4) == NULL) return WASI_EFAULT;
    if (!tern_wasi_net_allows_name(&call->wasi->net, host)) return WASI_EACCES;

    PortFamily family = PORT_FAMILY_ANY;
    PortTransport transport = PORT_TRANSPORT_ANY;
    if (hints[8] != 0) {
        u64 type = wasi_get(hints, 4), af = wasi_get(hints + 4, 4);
        family = af == FAMILY_IP4 ? PORT_FAMILY_IP4 : af == FAMILY_IP6 ? PORT_FAMILY_IP6 : PORT_FAMILY_ANY;
        transport = type == TYPE_STREAM     ? PORT_TRANSPORT_STREAM
                    : type == TYPE_DATAGRAM ? PORT_TRANSPORT_DATAGRAM
                                            : PORT_TRANSPORT_ANY;
    }
    PortResolve *resolve = tern_port_resolve_start(host, service, family, transport);
    if (resolve == NULL) return WASI_ENOMEM;
    PortResolved answers[ANSWERS_MAX];
    u32 n = 0;
    error = ask_resolver(call, resolve, answers, &n);
    tern_port_resolve_free(resolve);
    if (error != WASI_ESUCCESS) return error;
    for (u32 i = 0; i < n && i < ANSWERS_MAX && i < args[4]; i++) {
        put_address(infos + (size_t)i * INFO_BYTES, &answers[i].address);
        wasi_put(infos + (size_t)i * INFO_BYTES + ADDRESS_BYTES, answers[i].is_stream ? TYPE_STREAM : TYPE_DATAGRAM, 4);
    }
    return wasi_store(call, args[5], u64_min(n, ANSWERS_MAX), 4);
}

/* --- options ---------------------------------------------------------------------------------------- */

static WasiErrno get_option(WasiCall *call, u64 fd, PortSocketOption option, u64 addr, u32 bytes)
{
    WasiFd *f;
    u32 value;
    WasiErrno error = tern_wasi_socket_take(call, fd, 0, &f);
    if (error != WASI_ESUCCESS) return error;
    PortError got = tern_port_socket_get(f->handle, option, &value);
    return got != PORT_OK ? tern_wasi_errno_of(got) : wasi_store(call, addr, value, bytes);
}

/* A listener that the host lends is not ours to change. */
static WasiErrno take_own(WasiCall *call, u64 fd, WasiFd **out)
{
    WasiErrno error = tern_wasi_socket_take(call, fd, 0, out);
    return error == WASI_ESUCCESS && (*out)->ops != &tern_wasi_socket_ops ? WASI_ENOTCAPABLE : error;
}

static WasiErrno set_option(WasiCall *call, u64 fd, PortSocketOption option, u64 value)
{
    WasiFd *f;
    WasiErrno error = take_own(call, fd, &f);
    if (error != WASI_ESUCCESS) return error;
    tern_port_mutex_lock(&call->wasi->lock); /* not while it is confined and bound */
    PortError got = tern_port_socket_set(f->handle, option, (u32)value);
    tern_port_mutex_unlock(&call->wasi->lock);
    return tern_wasi_errno_of(got);
}

#define SWITCH(name, option) \
    WasiErrno tern_wasi_sock_get_##name(WasiCall *call, const u64 *args) \
    { \
        return get_option(call, args[0], PORT_SOCKET_##option, args[1], 1); \
    } \
    WasiErrno tern_wasi_sock_set_##name(WasiCall *call, const u64 *args) \
    { \
        return set_option(call, args[0], PORT_SOCKET_##option, args[1] != 0); \
    }
#define NUMBER(name, option, bytes) \
    WasiErrno tern_wasi_sock_get_##name(WasiCall *call, const u64 *args) \
    { \
        return get_option(call, args[0], PORT_SOCKET_##option, args[1], bytes); \
    } \
    WasiErrno tern_wasi_sock_set_##name(WasiCall *call, const u64 *args) \
    { \
        return set_option(call, args[0], PORT_SOCKET_##option, args[1]); \
    }
SWITCH(broadcast, BROADCAST)
SWITCH(keep_alive, KEEP_ALIVE)
SWITCH(reuse_addr, REUSE_ADDR)
SWITCH(reuse_port, REUSE_PORT)
SWITCH(ipv6_only, IPV6_ONLY)
SWITCH(tcp_no_delay, NO_DELAY)
SWITCH(tcp_quick_ack, QUICK_ACK)
SWITCH(tcp_fastopen_connect, FASTOPEN_CONNECT)
NUMBER(recv_buf_size, RECV_BUF, 4)
NUMBER(send_buf_size, SEND_BUF, 4)
NUMBER(tcp_keep_idle, KEEP_IDLE, 4)
NUMBER(tcp_keep_intvl, KEEP_INTERVAL, 4)
NUMBER(ip_ttl, TTL, 1)
NUMBER(ip_multicast_ttl, MULTICAST_TTL, 1)

static PortSocketOption loop_of(u64 is_ip6)
{
    return is_ip6 != 0 ? PORT_SOCKET_MULTICAST_LOOP6 : PORT_SOCKET_MULTICAST_LOOP;
}

WasiErrno tern_wasi_sock_get_ip_multicast_loop(WasiCall *call, const u64 *args)
{
    return get_option(call, args[0], loop_of(args[1]), args[2], 1);
}

WasiErrno tern_wasi_sock_set_ip_multicast_loop(WasiCall *call, const u64 *args)
{
    return set_option(call, args[0], loop_of(args[1]), args[2] != 0);
}

WasiErrno tern_wasi_sock_get_linger(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    bool is_on;
    u32 seconds;
    WasiErrno error = tern_wasi_socket_take(call, args[0], 0, &f);
    if (error != WASI_ESUCCESS) return error;
    if (wasi_range(call, args[1], 1) == NULL || wasi_range(call, args[2], 4) == NULL) return WASI_EFAULT;
    PortError got = tern_port_socket_get_linger(f->handle, &is_on, &seconds);
    if (got != PORT_OK) return tern_wasi_errno_of(got);
    error = wasi_store(call, args[1], is_on, 1);
    return error != WASI_ESUCCESS ? error : wasi_store(call, args[2], seconds, 4);
}

WasiErrno tern_wasi_sock_set_linger(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = take_own(call, args[0], &f);
    if (error != WASI_ESUCCESS) return error;
    return tern_wasi_errno_of(tern_port_socket_set_linger(f->handle, args[1] != 0, (u32)args[2]));
}

static WasiErrno membership(WasiCall *call, const u64 *args, bool join)
{
    WasiFd *f;
    PortAddress group;
    u8 copy[IP_BYTES];
    WasiErrno error = take_own(call, args[0], &f);
    if (error != WASI_ESUCCESS) return error;
    const u8 *p = wasi_range(call, args[1], sizeof copy);
    if (p == NULL) return WASI_EFAULT;
    racy_copy(copy, p, sizeof copy);
    error = get_ip(copy, &group);
    if (error != WASI_ESUCCESS) return error;
    if (!tern_wasi_net_allows(&call->wasi->net, &group)) return WASI_EACCES;
    return tern_wasi_errno_of(tern_port_socket_membership(f->handle, &group, (u32)args[2], join));
}

WasiErrno tern_wasi_sock_set_ip_add_membership(WasiCall *call, const u64 *args)
{
    return membership(call, args, true);
}

WasiErrno tern_wasi_sock_set_ip_drop_membership(WasiCall *call, const u64 *args)
{
    return membership(call, args, false);
}

/* Timeouts are ours, as the waiting is. Both are in microseconds; 0: none. */
static WasiErrno get_timeout(WasiCall *call, const u64 *args, bool write)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_socket_take(call, args[0], 0, &f);
    if (error != WASI_ESUCCESS) return error;
    tern_port_mutex_lock(&call->wasi->lock);
    u64 ns = f->timeout_ns[write];
    tern_port_mutex_unlock(&call->wasi->lock);
    return wasi_store(call, args[1], ns / 1000, 8);
}

static WasiErrno set_timeout(WasiCall *call, const u64 *args, bool write)
{
    WasiFd *f;
    u64 ns;
    WasiErrno error = tern_wasi_socket_take(call, args[0], 0, &f);
    if (error != WASI_ESUCCESS) return error;
    if (!u64_mul(args[1], 1000, &ns)) return WASI_EINVAL;
    tern_port_mutex_lock(&call->wasi->lock);
    f->timeout_ns[write] = ns;
    tern_port_mutex_unlock(&call->wasi->lock);
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_sock_get_recv_timeout(WasiCall *call, const u64 *args) { return get_timeout(call, args, false); }
WasiErrno tern_wasi_sock_set_recv_timeout(WasiCall *call, const u64 *args) { return set_timeout(call, args, false); }
WasiErrno tern_wasi_sock_get_send_timeout(WasiCall *call, const u64 *args) { return get_timeout(call, args, true); }
WasiErrno tern_wasi_sock_set_send_timeout(WasiCall *call, const u64 *args) { return set_timeout(call, args, true); }
