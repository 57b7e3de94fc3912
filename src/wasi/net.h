/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* net.h - whom a guest's sockets may talk to: pools of addresses and of names. What no entry allows is denied. */
#ifndef TERN_WASI_NET_H
#define TERN_WASI_NET_H

#include "base/alloc.h"
#include "base/diag.h"
#include "port/socket.h"

/* The addresses whose first nbits are those of base. */
typedef struct WasiNetRange {
    PortAddress base;
    u32 nbits;
} WasiNetRange;

typedef struct WasiNet {
    WasiNetRange *ranges;
    u32 nranges;
    u32 nnames;
    char *names; /* NUL-terminated, one after the other */
    u64 names_bytes;
} WasiNet;

/* Reads "ADDRESS/BITS" entries. False and a diag that quotes the entry if one cannot be understood: nothing is
 * guessed. A failed pool is freed by tern_wasi_net_done like any other. */
bool tern_wasi_net_init(WasiNet *net, Alloc *alloc, const char *const *addr_pool, u32 naddr_pool,
                        const char *const *ns_lookup_pool, u32 nns_lookup_pool, Diag *diag);
void tern_wasi_net_done(WasiNet *net, Alloc *alloc);

bool tern_wasi_net_allows(const WasiNet *net, const PortAddress *address);
/* Is it 0.0.0.0, or :: ? */
bool tern_wasi_net_is_any(const PortAddress *address);
/* Who is meant by an address that something is sent to: any address is the machine's own loopback then. */
PortAddress tern_wasi_net_peer(const PortAddress *address);
/* A name is its own entry's, letter case aside, or ends as an entry "*.example.org" does, from the dot on. */
bool tern_wasi_net_allows_name(const WasiNet *net, const char *name);

#endif
