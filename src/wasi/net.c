/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* net.c - reading and asking the pools of net.h. */
#include "wasi/net.h"

#define ADDRESS_TEXT_MAX 64

/* An IPv4 address inside IPv6 (::ffff:a.b.c.d) is that IPv4 address: a socket of IPv6 reaches it. */
static PortAddress plain(const PortAddress *address)
{
    static const u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
    PortAddress out = *address;
    if (address->is_ip6 && memcmp(address->bytes, mapped, sizeof mapped) == 0) {
        memset(out.bytes, 0, sizeof out.bytes);
        memcpy(out.bytes, address->bytes + sizeof mapped, 4);
        out.is_ip6 = false;
    }
    return out;
}

/* Digits only, and no more than an address has. */
static bool parse_bits(const char *text, u32 max, u32 *out)
{
    u32 value = 0, n = 0;
    for (; text[n] >= '0' && text[n] <= '9' && n < 4; n++) value = value * 10 + (u32)(text[n] - '0');
    *out = value;
    return n > 0 && text[n] == '\0' && value <= max;
}

static bool parse_range(const char *text, WasiNetRange *out)
{
    char address[ADDRESS_TEXT_MAX];
    const char *slash = strchr(text, '/');
    if (slash == NULL || (size_t)(slash - text) >= sizeof address) return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    *out = (WasiNetRange){0};
    return tern_port_address_parse(address, &out->base) &&
           parse_bits(slash + 1, out->base.is_ip6 ? 128 : 32, &out->nbits);
}

bool tern_wasi_net_init(WasiNet *net, Alloc *alloc, const char *const *addr_pool, u32 naddr_pool,
                        const char *const *ns_lookup_pool, u32 nns_lookup_pool, Diag *diag)
{
    *net = (WasiNet){0};
    u64 names_bytes = 0;
    for (u32 i = 0; i < nns_lookup_pool; i++) names_bytes += strlen(ns_lookup_pool[i]) + 1;
    if (naddr_pool > 0) net->ranges = tern_alloc_zeroed(alloc, naddr_pool, sizeof *net->ranges);
    if (net->ranges != NULL) net->nranges = naddr_pool;
    if (names_bytes > 0 && names_bytes <= SIZE_MAX) net->names = tern_alloc(alloc, (size_t)names_bytes);
    if (net->names != NULL) net->names_bytes = names_bytes;
    if ((naddr_pool > 0 && net->ranges == NULL) || (names_bytes > 0 && net->names == NULL))
        return tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);

    for (u32 i = 0; i < naddr_pool; i++)
        if (!parse_range(addr_pool[i], &net->ranges[i]))
            return tern_diag_set(diag, DIAG_WASI_ADDRESS_POOL, DIAG_NO_OFFSET, "%s", addr_pool[i]);
    char *p = net->names;
    for (u32 i = 0; i < nns_lookup_pool; i++) {
        size_t size = strlen(ns_lookup_pool[i]) + 1;
        memcpy(p, ns_lookup_pool[i], size);
        p += size;
    }
    net->nnames = nns_lookup_pool;
    return true;
}

void tern_wasi_net_done(WasiNet *net, Alloc *alloc)
{
    tern_free(alloc, net->ranges, net->nranges * sizeof *net->ranges);
    tern_free(alloc, net->names, (size_t)net->names_bytes);
    *net = (WasiNet){0};
}

static bool is_in(const WasiNetRange *range, const PortAddress *address)
{
    PortAddress base = plain(&range->base);
    u32 nbits = range->nbits;
    if (base.is_ip6 != range->base.is_ip6) {
        if (nbits < 96) return false; /* a range that only begins like one of IPv4 */
        nbits -= 96;
    }
    if (base.is_ip6 != address->is_ip6 || memcmp(base.bytes, address->bytes, nbits / 8) != 0) return false;
    u32 left = nbits % 8;
    return left == 0 || (u8)((base.bytes[nbits / 8] ^ address->bytes[nbits / 8]) >> (8 - left)) == 0;
}

bool tern_wasi_net_allows(const WasiNet *net, const PortAddress *address)
{
    PortAddress asked = plain(address);
    for (u32 i = 0; i < net->nranges; i++)
        if (is_in(&net->ranges[i], &asked)) return true;
    return false;
}

bool tern_wasi_net_is_any(const PortAddress *address)
{
    static const u8 zeros[16];
    PortAddress asked = plain(address);
    return memcmp(asked.bytes, zeros, sizeof zeros) == 0;
}

PortAddress tern_wasi_net_peer(const PortAddress *address)
{
    PortAddress out = *address;
    if (!tern_wasi_net_is_any(address)) return out;
    bool is_ip6 = plain(address).is_ip6;
    u32 ip4_at = out.is_ip6 ? 12 : 0; /* inside IPv6 too */
    if (!is_ip6) out.bytes[ip4_at] = 127;
    out.bytes[is_ip6 ? 15 : ip4_at + 3] = 1;
    return out;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool same(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

bool tern_wasi_net_allows_name(const WasiNet *net, const char *name)
{
    size_t size = strlen(name);
    const char *entry = net->names;
    for (u32 i = 0; i < net->nnames; i++, entry += strlen(entry) + 1) {
        size_t entry_size = strlen(entry);
        if (entry[0] == '*') { /* what follows is the end of the name */
            size_t end_size = entry_size - 1;
            if (end_size <= size && same(name + size - end_size, entry + 1, end_size)) return true;
        } else if (entry_size == size && same(name, entry, size)) {
            return true;
        }
    }
    return false;
}
