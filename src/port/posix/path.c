/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* path.c - the paths of port/file.h.
 *
 * The walk keeps the directories it went down as open descriptors, so ".." is the one it came from and not
 * what the file system says now; a component is opened as a directory without following, and when it is
 * none, read as a link whose text takes its place. What is renamed or replaced in between changes which file
 * inside is found, and never the set of those that can be.
 */
#define _GNU_SOURCE 1
#include "port/file.h"
#include "port/posix/errno.h"
#include "port/posix/stat.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef O_PATH
#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#else
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#endif

#define WALK_DEPTH_MAX 128
#define WALK_LINKS_MAX 40
#define WALK_TEXT_MAX (2 * PORT_PATH_MAX)
#define RACES_MAX 64 /* how often somebody else's change makes us begin again */
#define COMPONENT_MAX 256

/* --- the kernel's way ------------------------------------------------------------------------------- */

#if defined(__linux__) && defined(SYS_openat2) && defined(O_PATH)
#define HAVE_OPENAT2 1
typedef struct OpenHow {
    u64 flags, mode, resolve;
} OpenHow;
enum { RESOLVE_NO_MAGIC = 0x02, RESOLVE_INSIDE = 0x08 };

/* A descriptor, or -1 and errno. EAGAIN: the tree changes too fast to be sure. */
static int open_beneath(int dir, const char *path, int flags)
{
    OpenHow how = {.flags = (u32)flags | O_CLOEXEC, .mode = flags & O_CREAT ? 0666 : 0,
                   .resolve = RESOLVE_NO_MAGIC | RESOLVE_INSIDE};
    for (int i = 0; i < RACES_MAX; i++) {
        long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (fd >= 0) return (int)fd;
        if (errno == EXDEV) errno = EPERM;
        if (errno != EAGAIN && errno != EINTR) return -1;
    }
    errno = EAGAIN;
    return -1;
}

bool tern_port_path_kernel_resolves(void)
{
    int fd = open_beneath(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
    if (fd >= 0) close(fd);
    return fd >= 0;
}
#else
#define HAVE_OPENAT2 0
static int open_beneath(int dir, const char *path, int flags)
{
    (void)dir, (void)path, (void)flags;
    errno = EAGAIN;
    return -1;
}
bool tern_port_path_kernel_resolves(void) { return false; }
#endif

/* --- walking ---------------------------------------------------------------------------------------- */

/* Where a path ends: a name in an open directory, without a slash, and never "..". */
typedef struct Place {
    int parent;
    bool is_owned;  /* parent is closed by place_done */
    bool has_slash; /* the path said that it is a directory */
    bool is_dot;    /* the name is ".": the path ended in "." or ".." */
    char name[COMPONENT_MAX];
} Place;

static void place_done(const Place *place)
{
    if (place->is_owned) close(place->parent);
}

typedef struct Walk {
    int dirs[WALK_DEPTH_MAX + 1]; /* [0] is the root, borrowed */
    u32 depth, nlinks;
    size_t at;
    char text[WALK_TEXT_MAX]; /* from at on: what is still to be walked */
    char link[PORT_PATH_MAX];
} Walk;

/* The link of that name takes its own place in the text before rest. INVAL: no link. */
static PortError splice_link(Walk *w, const char *name, size_t rest)
{
    ssize_t got = readlinkat(w->dirs[w->depth], name, w->link, sizeof w->link);
    if (got < 0) return error_of(errno);
    if (++w->nlinks > WALK_LINKS_MAX) return PORT_E_LOOP;
    size_t size = (size_t)got, left = strlen(w->text + rest);
    if (size == 0) return PORT_E_NOENT;
    if (w->link[0] == '/') return PORT_E_PERM;
    if (size >= sizeof w->link || size + left >= sizeof w->text) return PORT_E_NAMETOOLONG;
    memmove(w->text + size, w->text + rest, left + 1);
    memcpy(w->text, w->link, size);
    w->at = 0;
    return PORT_OK;
}

/* One component that is not the last: down, up, or another text. */
static PortError step(Walk *w, const char *name, size_t rest)
{
    w->at = rest;
    if (strcmp(name, ".") == 0) return PORT_OK;
    if (strcmp(name, "..") == 0) {
        if (w->depth == 0) return PORT_E_PERM;
        close(w->dirs[w->depth--]);
        return PORT_OK;
    }
    int fd = openat(w->dirs[w->depth], name, DIR_FLAGS);
    if (fd >= 0) {
        if (w->depth == WALK_DEPTH_MAX) {
            close(fd);
            return PORT_E_NAMETOOLONG;
        }
        w->dirs[++w->depth] = fd;
        return PORT_OK;
    }
    int why = errno;
    if (why != ENOTDIR && why != ELOOP) return error_of(why);
    PortError error = splice_link(w, name, rest);
    return error == PORT_E_INVAL ? PORT_E_NOTDIR : error;
}

static PortError walk_all(Walk *w, bool follow, Place *place)
{
    for (;;) {
        while (w->text[w->at] == '/') w->at++;
        size_t start = w->at, size = strcspn(w->text + start, "/");
        if (size >= COMPONENT_MAX) return PORT_E_NAMETOOLONG;
        memcpy(place->name, w->text + start, size);
        place->name[size] = '\0';
        size_t rest = start + size;
        bool is_last = w->text[rest + strspn(w->text + rest, "/")] == '\0';
        bool is_dots = size == 0 || strcmp(place->name, ".") == 0 || strcmp(place->name, "..") == 0;
        PortError error = PORT_OK;
        if (!is_last || is_dots) {
            error = step(w, size == 0 ? "." : place->name, rest);
        } else if (follow) {
            error = splice_link(w, place->name, rest);
            if (error == PORT_E_INVAL || error == PORT_E_NOENT) {
                /* no link, or nothing there: the caller finds out which */
                place->has_slash = w->text[rest] == '/';
                return PORT_OK;
            }
        } else {
            place->has_slash = w->text[rest] == '/';
            return PORT_OK;
        }
        if (error != PORT_OK) return error;
        if (is_last && is_dots) {
            place->has_slash = place->is_dot = true;
            memcpy(place->name, ".", 2);
            return PORT_OK;
        }
    }
}

static PortError walk(int root, const char *path, bool follow, Place *place)
{
    Walk w; /* 12 KiB: not cleared */
    size_t size = strlen(path);
    if (size >= PORT_PATH_MAX) return PORT_E_NAMETOOLONG;
    memcpy(w.text, path, size + 1);
    w.dirs[0] = root;
    w.depth = w.nlinks = 0;
    w.at = 0;
    *place = (Place){.parent = root};
    PortError error = walk_all(&w, follow, place);
    if (error == PORT_OK && w.depth > 0) {
        place->parent = w.dirs[w.depth--];
        place->is_owned = true;
    }
    while (w.depth > 0) close(w.dirs[w.depth--]);
    return error;
}

/* What no path beneath a directory is. */
static PortError check(const char *path)
{
    if (path[0] == '\0') return PORT_E_NOENT;
    return path[0] == '/' ? PORT_E_PERM : PORT_OK;
}

/* The place a path names, not following a link at its end. */
static PortError place_of(PortDir dir, const char *path, Place *place)
{
    PortError error = check(path);
    if (error != PORT_OK) return error;
    int root = fd_of(dir.handle);
    if (dir.walk || !HAVE_OPENAT2) return walk(root, path, false, place);

    size_t size = strlen(path), end = size;
    if (size >= PORT_PATH_MAX) return PORT_E_NAMETOOLONG;
    while (path[end - 1] == '/') end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/') start--;
    size_t name_size = end - start;
    if (name_size >= COMPONENT_MAX) return PORT_E_NAMETOOLONG;
    *place = (Place){.parent = root, .has_slash = end < size};
    memcpy(place->name, path + start, name_size);
    place->name[name_size] = '\0';

    char parent[PORT_PATH_MAX];
    memcpy(parent, path, start);
    parent[start] = '\0';
    if (strcmp(place->name, ".") == 0 || strcmp(place->name, "..") == 0) {
        memcpy(parent, path, size + 1);
        memcpy(place->name, ".", 2);
        place->is_dot = place->has_slash = true;
    }
    if (parent[0] == '\0') return PORT_OK;
    int fd = open_beneath(root, parent, DIR_FLAGS & ~O_NOFOLLOW);
    if (fd < 0) return errno == EAGAIN ? walk(root, path, false, place) : error_of(errno);
    place->parent = fd;
    place->is_owned = true;
    return PORT_OK;
}

/* --- opening and asking ----------------------------------------------------------------------------- */

static bool is_symlink(int parent, const char *name)
{
    struct stat st;
    return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Is a link at the end followed? A slash behind it says so too. */
static bool follows(const char *path, bool follow)
{
    size_t size = strlen(path);
    return follow || (size > 0 && path[size - 1] == '/');
}

static PortError open_walking(int root, const char *path, bool follow, int flags, int *out)
{
    for (int i = 0; i < RACES_MAX; i++) {
        Place place;
        PortError error = walk(root, path, follow, &place);
        if (error != PORT_OK) return error;
        if (place.has_slash && (flags & O_CREAT) != 0) {
            place_done(&place);
            return PORT_E_ISDIR;
        }
        int fd = openat(place.parent, place.name,
                        flags | O_NOFOLLOW | O_CLOEXEC | (place.has_slash ? O_DIRECTORY : 0), 0666);
        error = error_of_call(fd);
        /* A link that was none a moment ago. */
        bool again = follow && fd < 0 && is_symlink(place.parent, place.name);
        place_done(&place);
        *out = fd;
        if (!again) return error;
    }
    return PORT_E_AGAIN;
}

PortError tern_port_dir_open(const char *host_path, s64 *handle)
{
    int fd = open(host_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return error_of(errno);
    *handle = fd;
    return PORT_OK;
}

PortError tern_port_path_open(PortDir dir, const char *path, u32 flags, s64 *handle)
{
    PortError error = check(path);
    if (error != PORT_OK) return error;
    bool create = (flags & PORT_OPEN_CREATE) != 0, exclusive = create && (flags & PORT_OPEN_EXCLUSIVE) != 0;
    if (create && (flags & PORT_OPEN_DIRECTORY) != 0) return PORT_E_INVAL;
    /* O_NONBLOCK: the open must not wait; reading and writing ask poll first. */
    int host = O_NONBLOCK | O_NOCTTY;
    host |= (flags & PORT_OPEN_WRITE) == 0 ? O_RDONLY : (flags & PORT_OPEN_READ) != 0 ? O_RDWR : O_WRONLY;
    if (create) host |= O_CREAT;
    if (exclusive) host |= O_EXCL;
    if ((flags & PORT_OPEN_TRUNCATE) != 0) host |= O_TRUNC;
    if ((flags & PORT_OPEN_DIRECTORY) != 0) host |= O_DIRECTORY;
    if ((flags & PORT_OPEN_APPEND) != 0) host |= O_APPEND;
    if ((flags & PORT_OPEN_SYNC) != 0) host |= O_SYNC;
    if ((flags & PORT_OPEN_DSYNC) != 0) host |= O_DSYNC;

    bool follow = (flags & PORT_OPEN_FOLLOW) != 0 && !exclusive;
    int root = fd_of(dir.handle), fd = -1;
    bool walks = dir.walk || !HAVE_OPENAT2;
    if (!walks) {
        fd = open_beneath(root, path, host | (follow ? 0 : O_NOFOLLOW));
        error = error_of_call(fd);
        walks = error == PORT_E_AGAIN;
    }
    if (walks) error = open_walking(root, path, exclusive ? false : follows(path, follow), host, &fd);
    if (error == PORT_OK) *handle = fd;
    return error;
}

PortError tern_port_path_stat(PortDir dir, const char *path, bool follow, PortStat *out)
{
    PortError error = check(path);
    if (error != PORT_OK) return error;
    int root = fd_of(dir.handle);
    struct stat st;
#if HAVE_OPENAT2
    if (!dir.walk) {
        int fd = open_beneath(root, path, O_PATH | (follow ? 0 : O_NOFOLLOW));
        if (fd >= 0) {
            error = error_of_call(fstat(fd, &st));
            close(fd);
            if (error == PORT_OK) *out = stat_of(&st);
            return error;
        }
        if (errno != EAGAIN) return error_of(errno);
    }
#endif
    bool follow_all = follows(path, follow);
    for (int i = 0; i < RACES_MAX; i++) {
        Place place;
        error = walk(root, path, follow_all, &place);
        if (error != PORT_OK) return error;
        error = error_of_call(fstatat(place.parent, place.name, &st, AT_SYMLINK_NOFOLLOW));
        place_done(&place);
        if (error != PORT_OK) return error;
        if (follow_all && S_ISLNK(st.st_mode)) continue;
        if (place.has_slash && !S_ISDIR(st.st_mode)) return PORT_E_NOTDIR;
        *out = stat_of(&st);
        return PORT_OK;
    }
    return PORT_E_AGAIN;
}

/* Always walks to the end: the kernel sets the times of a place, and a place that became a link meanwhile
 * has its own set. */
PortError tern_port_path_set_times(PortDir dir, const char *path, bool follow, const PortTimes *times)
{
    PortError error = check(path);
    if (error != PORT_OK) return error;
    Place place;
    error = walk(fd_of(dir.handle), path, follows(path, follow), &place);
    if (error != PORT_OK) return error;
    struct timespec pair[2];
    times_to(times, pair);
    struct stat st;
    error = error_of_call(fstatat(place.parent, place.name, &st, AT_SYMLINK_NOFOLLOW));
    if (error == PORT_OK && place.has_slash && !S_ISDIR(st.st_mode)) error = PORT_E_NOTDIR;
    if (error == PORT_OK)
        error = error_of_call(utimensat(place.parent, place.name, pair, AT_SYMLINK_NOFOLLOW));
    place_done(&place);
    return error;
}

/* --- changing --------------------------------------------------------------------------------------- */

/* DIRECTORY, or another type; an error if nothing is there. */
static PortError type_at(const Place *place, bool *is_dir)
{
    struct stat st;
    PortError error = error_of_call(fstatat(place->parent, place->name, &st, AT_SYMLINK_NOFOLLOW));
    *is_dir = error == PORT_OK && S_ISDIR(st.st_mode);
    return error;
}

PortError tern_port_path_make_directory(PortDir dir, const char *path)
{
    Place place;
    PortError error = place_of(dir, path, &place);
    if (error != PORT_OK) return error;
    error = place.is_dot ? PORT_E_EXIST : error_of_call(mkdirat(place.parent, place.name, 0777));
    place_done(&place);
    return error;
}

PortError tern_port_path_remove_directory(PortDir dir, const char *path)
{
    Place place;
    PortError error = place_of(dir, path, &place);
    if (error != PORT_OK) return error;
    error = place.is_dot ? PORT_E_INVAL : error_of_call(unlinkat(place.parent, place.name, AT_REMOVEDIR));
    if (error == PORT_E_EXIST) error = PORT_E_NOTEMPTY;
    place_done(&place);
    return error;
}

PortError tern_port_path_unlink(PortDir dir, const char *path)
{
    Place place;
    PortError error = place_of(dir, path, &place);
    if (error != PORT_OK) return error;
    bool is_dir = false;
    if (place.has_slash && (error = type_at(&place, &is_dir)) == PORT_OK)
        error = is_dir ? PORT_E_ISDIR : PORT_E_NOTDIR;
    else if (!place.has_slash)
        error = error_of_call(unlinkat(place.parent, place.name, 0));
    place_done(&place);
    return error;
}

PortError tern_port_path_rename(PortDir from, const char *path, PortDir to, const char *new_path)
{
    Place old, new;
    PortError error = place_of(from, path, &old);
    if (error != PORT_OK) return error;
    error = place_of(to, new_path, &new);
    if (error == PORT_OK) {
        bool is_dir = false;
        if (old.is_dot || new.is_dot)
            error = PORT_E_BUSY;
        else if ((old.has_slash || new.has_slash) && (error = type_at(&old, &is_dir)) == PORT_OK && !is_dir)
            error = PORT_E_NOTDIR;
        if (error == PORT_OK)
            error = error_of_call(renameat(old.parent, old.name, new.parent, new.name));
        place_done(&new);
    }
    place_done(&old);
    return error;
}

/* What a new name with a slash behind it gets that does not make a directory. */
static PortError refuse_slash(const Place *place)
{
    bool is_dir;
    PortError error = type_at(place, &is_dir);
    return error == PORT_OK ? PORT_E_EXIST : error;
}

PortError tern_port_path_link(PortDir from, const char *path, PortDir to, const char *new_path)
{
    Place old, new;
    PortError error = place_of(from, path, &old);
    if (error != PORT_OK) return error;
    error = place_of(to, new_path, &new);
    if (error == PORT_OK) {
        bool is_dir = false;
        if (old.has_slash && (error = type_at(&old, &is_dir)) == PORT_OK)
            error = is_dir ? PORT_E_PERM : PORT_E_NOTDIR;
        if (error == PORT_OK && new.has_slash) error = refuse_slash(&new);
        if (error == PORT_OK)
            error = error_of_call(linkat(old.parent, old.name, new.parent, new.name, 0));
        place_done(&new);
    }
    place_done(&old);
    return error;
}

PortError tern_port_path_symlink(const char *target, PortDir dir, const char *path)
{
    Place place;
    PortError error = place_of(dir, path, &place);
    if (error != PORT_OK) return error;
    error = place.has_slash ? refuse_slash(&place)
                            : error_of_call(symlinkat(target, place.parent, place.name));
    place_done(&place);
    return error;
}

PortError tern_port_path_readlink(PortDir dir, const char *path, u8 *bytes, size_t size, size_t *done)
{
    Place place;
    PortError error = place_of(dir, path, &place);
    if (error != PORT_OK) return error;
    ssize_t got = -1;
    bool is_dir = false;
    if (place.has_slash && (error = type_at(&place, &is_dir)) == PORT_OK)
        error = is_dir ? PORT_E_INVAL : PORT_E_NOTDIR;
    else if (!place.has_slash)
        error = (got = readlinkat(place.parent, place.name, (char *)bytes, size)) < 0 ? error_of(errno) : PORT_OK;
    place_done(&place);
    if (error == PORT_OK) *done = (size_t)got;
    return error;
}
