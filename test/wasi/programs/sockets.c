/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* sockets.c - a WASI program that makes sockets with the functions WAMR adds to preview 1, declared here by hand.
 * Its argument says what to do; it ends with 0, or with the number of the line that went wrong.
 *
 *   clang --target=wasm32-wasi -Os -Wl,--strip-all sockets.c -o sockets.wasm */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int32_t name

typedef struct Address {
    uint32_t kind; /* 0: IPv4, 1: IPv6 */
    union {
        struct {
            uint8_t n[4];
            uint16_t port;
        } ip4;
        struct {
            uint16_t n[8];
            uint16_t port;
        } ip6;
    } of;
} Address;
typedef struct Info {
    Address address;
    uint32_t type;
} Info;
typedef struct Hints {
    uint32_t type, family;
    uint8_t enabled;
} Hints;
typedef struct Iovec {
    const void *bytes;
    uint32_t size;
} Iovec;
_Static_assert(sizeof(Address) == 24 && sizeof(Info) == 28 && sizeof(Hints) == 12, "WAMR's layouts");

IMPORT(sock_open)(int32_t pool, int32_t family, int32_t type, uint32_t *fd);
IMPORT(sock_bind)(uint32_t fd, const Address *address);
IMPORT(sock_listen)(uint32_t fd, uint32_t backlog);
IMPORT(sock_accept)(uint32_t fd, int32_t flags, uint32_t *accepted);
IMPORT(sock_connect)(uint32_t fd, const Address *address);
IMPORT(sock_close)(uint32_t fd);
IMPORT(sock_shutdown)(uint32_t fd, int32_t how);
IMPORT(sock_addr_local)(uint32_t fd, Address *address);
IMPORT(sock_addr_remote)(uint32_t fd, Address *address);
IMPORT(sock_addr_resolve)(const char *host, const char *service, const Hints *hints, Info *infos, uint32_t room,
                          uint32_t *n);
IMPORT(sock_send)(uint32_t fd, const Iovec *iovecs, uint32_t n, int32_t flags, uint32_t *sent);
IMPORT(sock_recv)(uint32_t fd, const Iovec *iovecs, uint32_t n, int32_t flags, uint32_t *got, uint16_t *out);
IMPORT(sock_send_to)(uint32_t fd, const Iovec *iovecs, uint32_t n, int32_t flags, const Address *to, uint32_t *sent);
IMPORT(sock_recv_from)(uint32_t fd, const Iovec *iovecs, uint32_t n, int32_t flags, Address *from, uint32_t *got);
IMPORT(sock_set_reuse_addr)(uint32_t fd, int32_t on);
IMPORT(sock_get_reuse_addr)(uint32_t fd, uint8_t *on);
IMPORT(sock_set_tcp_no_delay)(uint32_t fd, int32_t on);
IMPORT(sock_get_tcp_no_delay)(uint32_t fd, uint8_t *on);
IMPORT(sock_set_recv_timeout)(uint32_t fd, uint64_t us);
IMPORT(sock_get_recv_timeout)(uint32_t fd, uint64_t *us);
IMPORT(sock_set_linger)(uint32_t fd, int32_t on, int32_t seconds);
IMPORT(sock_get_linger)(uint32_t fd, uint8_t *on, int32_t *seconds);
IMPORT(sock_set_recv_buf_size)(uint32_t fd, uint32_t size);
IMPORT(sock_get_recv_buf_size)(uint32_t fd, uint32_t *size);
IMPORT(sock_set_ip_ttl)(uint32_t fd, int32_t ttl);
IMPORT(sock_get_ip_ttl)(uint32_t fd, uint8_t *ttl);
IMPORT(sock_set_ip_add_membership)(uint32_t fd, const void *group, uint32_t interface);

enum { EACCES_ = 2, EAGAIN_ = 6, EAFNOSUPPORT_ = 5, EINVAL_ = 28, ENOTSOCK_ = 57, ECONNREFUSED_ = 14 };

#define MUST(cond) do { if (!(cond)) exit(__LINE__ & 0xff); } while (0)

static Address loopback(int ip6, uint16_t port)
{
    Address a = {.kind = (uint32_t)ip6};
    if (ip6) a.of.ip6.n[7] = 1, a.of.ip6.port = port;
    else a.of.ip4.n[0] = 127, a.of.ip4.n[3] = 1, a.of.ip4.port = port;
    return a;
}

static uint16_t port_of(const Address *a) { return a->kind ? a->of.ip6.port : a->of.ip4.port; }

static int tcp(int ip6)
{
    uint32_t server, client, accepted, n;
    uint16_t flags;
    char buf[32] = "";
    Address at = loopback(ip6, 0), local, remote;
    MUST(sock_open(-1, ip6, 1, &server) == 0);
    MUST(sock_set_reuse_addr(server, 1) == 0);
    MUST(sock_bind(server, &at) == 0);
    MUST(sock_listen(server, 4) == 0);
    MUST(sock_addr_local(server, &local) == 0);
    MUST(local.kind == (uint32_t)ip6 && port_of(&local) != 0);
    at = loopback(ip6, port_of(&local));
    MUST(sock_open(-1, ip6, 1, &client) == 0);
    MUST(sock_connect(client, &at) == 0);
    MUST(sock_accept(server, 0, &accepted) == 0);
    MUST(sock_addr_remote(client, &remote) == 0 && memcmp(&remote, &at, ip6 ? 22 : 10) == 0);
    MUST(sock_addr_remote(accepted, &remote) == 0);
    MUST(sock_addr_local(client, &local) == 0 && port_of(&local) == port_of(&remote));
    Iovec out[] = {{"hello, ", 7}, {"world", 5}}, in = {buf, sizeof buf};
    MUST(sock_send(client, out, 2, 0, &n) == 0 && n == 12);
    MUST(sock_recv(accepted, &in, 1, 0, &n, &flags) == 0 && n == 12 && memcmp(buf, "hello, world", 12) == 0);
    MUST(write((int)accepted, "back", 4) == 4); /* sockets are files too */
    MUST(read((int)client, buf, sizeof buf) == 4 && memcmp(buf, "back", 4) == 0);
    MUST(sock_shutdown(client, 2) == 0);
    MUST(sock_recv(accepted, &in, 1, 0, &n, &flags) == 0 && n == 0);
    MUST(sock_close(client) == 0 && sock_close(accepted) == 0 && sock_close(server) == 0);
    MUST(sock_open(-1, ip6, 1, &client) == 0);
    MUST(sock_connect(client, &at) == ECONNREFUSED_);
    return 0;
}

static int udp(int ip6)
{
    uint32_t a, b, n;
    char buf[32] = "";
    Address at = loopback(ip6, 0), to_b, from, local;
    MUST(sock_open(-1, ip6, 0, &a) == 0 && sock_open(-1, ip6, 0, &b) == 0);
    MUST(sock_bind(a, &at) == 0 && sock_bind(b, &at) == 0);
    MUST(sock_addr_local(b, &to_b) == 0 && sock_addr_local(a, &local) == 0);
    Iovec out[] = {{"data", 4}, {"gram", 4}}, in = {buf, sizeof buf};
    MUST(sock_send_to(a, out, 2, 0, &to_b, &n) == 0 && n == 8);
    MUST(sock_recv_from(b, &in, 1, 0, &from, &n) == 0 && n == 8 && memcmp(buf, "datagram", 8) == 0);
    MUST(memcmp(&from, &local, ip6 ? 22 : 10) == 0);
    in.size = 3;
    MUST(sock_send_to(a, out, 1, 0, &to_b, &n) == 0);
    MUST(sock_recv_from(b, &in, 1, 0, &from, &n) == 0 && n == 3); /* the rest is gone */
    uint64_t us;
    MUST(sock_set_recv_timeout(b, 30000) == 0 && sock_get_recv_timeout(b, &us) == 0 && us == 30000);
    MUST(sock_recv_from(b, &in, 1, 0, &from, &n) == EAGAIN_);
    return 0;
}

static int options(void)
{
    uint32_t s, size;
    uint8_t on, ttl;
    int32_t seconds;
    MUST(sock_open(-1, 0, 1, &s) == 0);
    MUST(sock_set_tcp_no_delay(s, 1) == 0 && sock_get_tcp_no_delay(s, &on) == 0 && on == 1);
    MUST(sock_set_tcp_no_delay(s, 0) == 0 && sock_get_tcp_no_delay(s, &on) == 0 && on == 0);
    MUST(sock_set_reuse_addr(s, 1) == 0 && sock_get_reuse_addr(s, &on) == 0 && on == 1);
    MUST(sock_set_linger(s, 1, 7) == 0 && sock_get_linger(s, &on, &seconds) == 0 && on == 1 && seconds == 7);
    MUST(sock_set_recv_buf_size(s, 8192) == 0 && sock_get_recv_buf_size(s, &size) == 0 && size >= 8192);
    MUST(sock_set_ip_ttl(s, 33) == 0 && sock_get_ip_ttl(s, &ttl) == 0 && ttl == 33);
    MUST(sock_set_ip_ttl(1, 33) == ENOTSOCK_ && sock_close(0) == ENOTSOCK_);
    MUST(sock_open(-1, 2, 1, &s) == EAFNOSUPPORT_ && sock_open(-1, 0, 9, &s) == EINVAL_);
    return 0;
}

/* Nothing may be reached, and nobody reach us. */
static int denied(void)
{
    uint32_t s, d, n;
    Address at = loopback(0, 9), any = {0}, six = loopback(1, 9);
    Iovec out = {"x", 1};
    Hints hints = {0};
    Info infos[4];
    struct {
        uint32_t kind;
        uint8_t n[16];
    } group = {0, {224, 0, 0, 1}};
    MUST(sock_open(-1, 0, 1, &s) == 0 && sock_open(-1, 0, 0, &d) == 0);
    MUST(sock_connect(s, &at) == EACCES_);
    MUST(sock_connect(s, &six) == EACCES_);
    MUST(sock_bind(s, &at) == EACCES_);
    MUST(sock_bind(s, &any) == EACCES_);
    MUST(sock_listen(s, 1) == EACCES_);
    MUST(sock_send_to(d, &out, 1, 0, &at, &n) == EACCES_);
    MUST(sock_connect(d, &at) == EACCES_);
    MUST(sock_set_ip_add_membership(d, &group, 0) == EACCES_);
    MUST(sock_addr_resolve("localhost", "", &hints, infos, 4, &n) == EACCES_);
    at.kind = 2;
    MUST(sock_connect(s, &at) == EAFNOSUPPORT_);
    return 0;
}

static int resolve(const char *host)
{
    uint32_t n;
    Hints hints = {.type = 1, .family = 0, .enabled = 1};
    Info infos[4];
    MUST(sock_addr_resolve(host, "80", &hints, infos, 4, &n) == 0 && n >= 1);
    MUST(infos[0].address.kind == 0 && infos[0].address.of.ip4.n[0] == 127 && infos[0].address.of.ip4.port == 80);
    MUST(infos[0].type == 1);
    MUST(sock_addr_resolve(host, "80", &hints, infos, 0, &n) == 0 && n >= 1);
    return 0;
}

/* Waits for somebody who never comes. */
static int wait_for_ever(void)
{
    uint32_t s, accepted;
    Address at = loopback(0, 0);
    MUST(sock_open(-1, 0, 1, &s) == 0 && sock_bind(s, &at) == 0 && sock_listen(s, 1) == 0);
    MUST(write(1, "waiting\n", 8) == 8);
    return (int)sock_accept(s, 0, &accepted);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "tcp") == 0) return tcp(0);
    if (strcmp(what, "tcp6") == 0) return tcp(1);
    if (strcmp(what, "udp") == 0) return udp(0);
    if (strcmp(what, "udp6") == 0) return udp(1);
    if (strcmp(what, "options") == 0) return options();
    if (strcmp(what, "denied") == 0) return denied();
    if (strcmp(what, "wait") == 0) return wait_for_ever();
    if (strcmp(what, "resolve") == 0 && argc > 2) return resolve(argv[2]);
    return 255;
}
