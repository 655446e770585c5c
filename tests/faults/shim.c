/* Preloaded into a run: counts the calls that change files below one folder and, at the one it was
 * armed for, fails or kills the process. Reaches Python, Arrow and DuckDB alike. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT, FAIL_ONCE, FAIL_FROM, KILL_BEFORE, KILL_AFTER };

static char prefix[PATH_MAX];
static atomic_long counted;
static long target = -1;
static int mode, error_number, log_fd = -1;

void fault_arm(const char *folder, long at, int how, int error, const char *log) {
    snprintf(prefix, sizeof prefix, "%s", folder);
    log_fd = log ? open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    mode = how;
    error_number = error;
    target = at;
    atomic_store(&counted, 0);
}

long fault_count(void) { return atomic_load(&counted); }

static int below(const char *path) {
    size_t n = strlen(prefix);
    return n && strncmp(path, prefix, n) == 0 && (path[n] == '/' || path[n] == 0);
}

static int named(int at, const char *path) {
    char where[PATH_MAX], link[64];
    if (path[0] == '/') return below(path);
    if (at == AT_FDCWD) return getcwd(where, sizeof where) != NULL && below(where);
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t n = readlink(link, where, sizeof where - 1);
    if (n < 0) return 0;
    where[n] = 0;
    return below(where);
}

static int opened(int fd) {
    char path[PATH_MAX], link[64];
    if (!prefix[0] || fd == log_fd) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return below(path);
}

/* A full disk refuses what takes room; renames and syncs go on. */
static int takes_room(const char *name) {
    return error_number != ENOSPC || (strncmp(name, "rename", 6) && strstr(name, "sync") == NULL);
}

/* What is to happen with this call: -1 fail, 1 kill after it, 0 nothing. */
static int due(const char *name) {
    long now = atomic_fetch_add(&counted, 1);
    if (log_fd >= 0) dprintf(log_fd, "%s\n", name);
    if (target < 0 || mode == COUNT) return 0;
    if (mode == FAIL_ONCE ? now == target : mode == FAIL_FROM && now >= target && takes_room(name)) {
        errno = error_number;
        return -1;
    }
    if (now == target && mode == KILL_BEFORE) kill(getpid(), SIGKILL);
    return now == target && mode == KILL_AFTER;
}

static void after(int fate) {
    if (fate > 0) kill(getpid(), SIGKILL);
}

#define CALL(type, name, arguments, values, concerned)                       \
    type name arguments {                                                    \
        static type (*real) arguments;                                       \
        if (!real) real = (type(*) arguments)dlsym(RTLD_NEXT, #name);        \
        if (!(concerned)) return real values;                                \
        int fate = due(#name);                                               \
        if (fate < 0) return -1;                                             \
        type result = real values;                                           \
        after(fate);                                                         \
        return result;                                                       \
    }

CALL(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), opened(fd))
CALL(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o), opened(fd))
CALL(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o), opened(fd))
CALL(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), opened(fd))
CALL(int, ftruncate, (int fd, off_t n), (fd, n), opened(fd))
CALL(int, ftruncate64, (int fd, off64_t n), (fd, n), opened(fd))
CALL(int, fsync, (int fd), (fd), opened(fd))
CALL(int, fdatasync, (int fd), (fd), opened(fd))
CALL(int, rename, (const char *a, const char *b), (a, b), named(AT_FDCWD, b))
CALL(int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b), named(e, b))
CALL(int, mkdir, (const char *p, mode_t m), (p, m), named(AT_FDCWD, p))
CALL(int, mkdirat, (int d, const char *p, mode_t m), (d, p, m), named(d, p))

#define OPEN(name, before, values, at)                                       \
    int name before {                                                        \
        static int (*real) before;                                           \
        if (!real) real = (int(*) before)dlsym(RTLD_NEXT, #name);            \
        mode_t m = 0;                                                        \
        if (flags & (O_CREAT | O_TMPFILE)) {                                 \
            va_list rest;                                                    \
            va_start(rest, flags);                                           \
            m = va_arg(rest, mode_t);                                        \
            va_end(rest);                                                    \
        }                                                                    \
        if (!(flags & O_CREAT) || !named(at, path)) return real values;      \
        int fate = due(#name);                                               \
        if (fate < 0) return -1;                                             \
        int result = real values;                                            \
        after(fate);                                                         \
        return result;                                                       \
    }

OPEN(open, (const char *path, int flags, ...), (path, flags, m), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), (path, flags, m), AT_FDCWD)
OPEN(openat, (int dir, const char *path, int flags, ...), (dir, path, flags, m), dir)
OPEN(openat64, (int dir, const char *path, int flags, ...), (dir, path, flags, m), dir)
