/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* poll.c - poll_oneoff: waiting for clocks and descriptors.
 *
 * Nothing is allocated: subscriptions are read from guest memory twice, once to learn what to wait for and
 * once to say what happened. Whatever another thread does to them in between, only guest memory that was
 * checked is touched.
 */
#include "port/port.h"
#include "wasi/context.h"

#define SUBSCRIPTIONS_MAX 4096u
#define EVENT_SIZE 32u

enum { EVENT_CLOCK = 0, EVENT_FD_READ = 1, EVENT_FD_WRITE = 2 };
enum { CLOCK_ID_REAL = 0, CLOCK_ID_MONOTONIC = 1, CLOCK_IDS = 4 };

typedef struct Subscription {
    u64 userdata;
    u8 type;
    u32 clock, fd;
    u64 timeout_ns;
    bool is_absolute;
} Subscription;

typedef struct Waits {
    u64 start_ns;               /* monotonic time of the call */
    u64 next_mono, next_real;   /* earliest deadline on each clock; UINT64_MAX: none */
    bool is_immediate;          /* something is wrong already: do not wait */
    PortPoll polls[PORT_POLL_MAX];
    u32 guest_fds[PORT_POLL_MAX]; /* of each poll */
    WasiFd *held[PORT_POLL_MAX];
    u32 npolls; /* those of what never blocks are not asked about, and ready */
} Waits;

/* wasi_unstable has a u64 identifier in front of the clock's fields. */
static u32 subscription_size(const WasiCall *call) { return call->is_unstable ? 56 : 48; }

static Subscription read_subscription(const WasiCall *call, const u8 *p)
{
    const u8 *clock = p + (call->is_unstable ? 24 : 16);
    return (Subscription){
        .userdata = wasi_get(p, 8),
        .type = p[8],
        .clock = (u32)wasi_get(clock, 4),
        .fd = (u32)wasi_get(p + 16, 4),
        .timeout_ns = wasi_get(clock + 8, 8),
        .is_absolute = (clock[24] & 1) != 0,
    };
}

/* When a clock subscription is due, and on which clock. The time to wait is measured by the monotonic clock
 * unless the subscription names a moment of the day. */
static WasiErrno clock_deadline(const Subscription *s, u64 start_ns, bool *is_real, u64 *deadline)
{
    if (s->clock >= CLOCK_IDS) return WASI_EINVAL;
    if (s->clock != CLOCK_ID_REAL && s->clock != CLOCK_ID_MONOTONIC) return WASI_ENOTSUP;
    *is_real = s->is_absolute && s->clock == CLOCK_ID_REAL;
    if (s->is_absolute)
        *deadline = s->timeout_ns;
    else if (!u64_add(start_ns, s->timeout_ns, deadline))
        *deadline = UINT64_MAX; /* five hundred years */
    return WASI_ESUCCESS;
}

static u64 rights_for(u8 type)
{
    u64 right = type == EVENT_FD_READ ? WASI_RIGHT_FD_READ : WASI_RIGHT_FD_WRITE;
    return right | WASI_RIGHT_POLL_FD_READWRITE;
}

static PortPoll *find_poll(Waits *w, const Subscription *s)
{
    for (u32 i = 0; i < w->npolls; i++)
        if (w->guest_fds[i] == s->fd && w->polls[i].write == (s->type == EVENT_FD_WRITE)) return &w->polls[i];
    return NULL;
}

/* False only for a type that does not exist or more descriptors than can be waited for. */
static bool add_wait(WasiCall *call, Waits *w, const Subscription *s)
{
    if (s->type == EVENT_CLOCK) {
        bool is_real;
        u64 deadline;
        if (clock_deadline(s, w->start_ns, &is_real, &deadline) != WASI_ESUCCESS)
            w->is_immediate = true;
        else if (is_real)
            w->next_real = u64_min(w->next_real, deadline);
        else
            w->next_mono = u64_min(w->next_mono, deadline);
        return true;
    }
    if (s->type != EVENT_FD_READ && s->type != EVENT_FD_WRITE) return false;

    if (find_poll(w, s) != NULL) return true;
    if (w->npolls == PORT_POLL_MAX) return false;
    WasiFd *f;
    if (tern_wasi_fd_hold(call->wasi, s->fd, rights_for(s->type), &f) != WASI_ESUCCESS) {
        w->is_immediate = true;
        return true;
    }
    w->guest_fds[w->npolls] = s->fd;
    w->held[w->npolls] = f;
    w->polls[w->npolls++] = (PortPoll){.handle = f->handle, .write = s->type == EVENT_FD_WRITE};
    if (!f->ops->polls) w->is_immediate = true;
    return true;
}

/* Did this subscription's event happen? Then the event is filled. */
static bool take_event(Waits *w, const Subscription *s, u64 now_mono, u64 now_real, u8 *event)
{
    WasiErrno error = WASI_ESUCCESS;
    u64 nbytes = 0;
    bool is_hangup = false;
    if (s->type == EVENT_CLOCK) {
        bool is_real;
        u64 deadline;
        error = clock_deadline(s, w->start_ns, &is_real, &deadline);
        if (error == WASI_ESUCCESS && (is_real ? now_real : now_mono) < deadline) return false;
    } else if (find_poll(w, s) == NULL) {
        error = WASI_EBADF; /* not open, or not for this, when the call began */
    } else {
        const PortPoll *p = find_poll(w, s);
        if (!(p->is_ready || p->is_bad)) return false;
        if (p->is_bad) error = WASI_EBADF;
        nbytes = p->nbytes;
        is_hangup = p->is_hangup;
    }
    memset(event, 0, EVENT_SIZE);
    wasi_put(event, s->userdata, 8);
    wasi_put(event + 8, error, 2);
    event[10] = s->type;
    wasi_put(event + 16, nbytes, 8);
    event[24] = is_hangup;
    return true;
}

/* Asks about what has a handle, in the order of the list; the rest is ready. */
static void ask(Waits *w, u64 timeout_ns)
{
    PortPoll asked[PORT_POLL_MAX];
    u32 n = 0;
    for (u32 i = 0; i < w->npolls; i++)
        if (w->held[i]->ops->polls) asked[n++] = w->polls[i];
    tern_port_poll(asked, n, timeout_ns);
    n = 0;
    for (u32 i = 0; i < w->npolls; i++) {
        if (w->held[i]->ops->polls)
            w->polls[i] = asked[n++];
        else
            w->polls[i].is_ready = true;
    }
}

static u64 until(u64 deadline, u64 now) { return deadline > now ? deadline - now : 0; }

/* Waits until something happened, and writes the events. */
static WasiErrno wait_for_events(WasiCall *call, Waits *w, const u8 *in, u64 n, u8 *out, u64 count_addr)
{
    u32 size = subscription_size(call);
    u64 now_mono = 0, now_real = 0;
    if (!tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &now_mono) ||
        !tern_port_clock_ns(PORT_CLOCK_REAL, &now_real))
        return WASI_ENOTSUP;
    w->start_ns = now_mono;
    for (u64 i = 0; i < n; i++) {
        Subscription s = read_subscription(call, in + i * size);
        if (!add_wait(call, w, &s)) return WASI_EINVAL;
    }

    for (;;) {
        if (wasi_interrupted(call)) return WASI_EINTR;
        u64 wait = u64_min(until(w->next_mono, now_mono), until(w->next_real, now_real));
        ask(w, w->is_immediate ? 0 : u64_min(wait, WASI_SLICE_NS));
        tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &now_mono);
        tern_port_clock_ns(PORT_CLOCK_REAL, &now_real);

        u64 nevents = 0;
        for (u64 i = 0; i < n; i++) {
            Subscription s = read_subscription(call, in + i * size);
            u8 event[EVENT_SIZE];
            if (!take_event(w, &s, now_mono, now_real, event)) continue;
            racy_copy(out + nevents++ * EVENT_SIZE, event, EVENT_SIZE);
        }
        if (nevents > 0) return wasi_store(call, count_addr, nevents, 4);
    }
}

WasiErrno tern_wasi_poll_oneoff(WasiCall *call, const u64 *args)
{
    u64 n = args[2];
    if (n == 0 || n > SUBSCRIPTIONS_MAX) return WASI_EINVAL;
    const u8 *in = wasi_array(call, args[0], n, subscription_size(call));
    u8 *out = wasi_array(call, args[1], n, EVENT_SIZE);
    if (in == NULL || out == NULL || wasi_range(call, args[3], 4) == NULL) return WASI_EFAULT;

    Waits w = {.next_mono = UINT64_MAX, .next_real = UINT64_MAX};
    WasiErrno error = wait_for_events(call, &w, in, n, out, args[3]);
    for (u32 i = 0; i < w.npolls; i++) tern_wasi_fd_release(call->wasi, w.held[i]);
    return error;
}
