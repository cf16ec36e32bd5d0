/* Makes files fail, for one process that preloads it.
 *
 * Watches files whose path contains FAULT_PATH. The FAULT_AT-th operation of the kind FAULT_OP
 * (open, write, sync, truncate, name, or change: a write or a sync) meets FAULT_MODE:
 *   once    it fails with FAULT_ERRNO
 *   onward  it and all later ones of its kind fail with FAULT_ERRNO
 *   short   half of it is written, and the next write fails with FAULT_ERRNO
 *   crash   the power is cut: of what was written since the last sync of each file, a part chosen by
 *           FAULT_SEED never reached the disk, one write is torn, names that were not synced may
 *           be gone; the process ends with 137
 * When it strikes, a line is added to FAULT_LOG. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 4096

enum op { OP_OPEN, OP_WRITE, OP_SYNC, OP_TRUNCATE, OP_NAME, OP_KINDS };
static const char *const op_names[OP_KINDS] = {"open", "write", "sync", "truncate", "name"};

/* One change that the disk may not have kept. */
struct change {
    struct change *next;
    off_t at;         /* where, or the new length of a truncation */
    size_t length;    /* of fresh; 0 for a truncation */
    off_t old_length; /* of the file */
    size_t old_size;  /* of old */
    unsigned char *old, *fresh;
};

/* One watched file that is open, by its first descriptor's path. */
struct watched {
    char path[PATH_MAX];
    struct change *first, *last;
};

/* A name that its folder may not have kept. */
struct name {
    struct name *next;
    char path[PATH_MAX];
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct watched *by_fd[FILES];
static struct watched *files[FILES];
static size_t file_count;
static struct name *fresh_names;
static const char *part, *mode, *op_name, *log_path;
static long strike_at, counted;
static int error_number, struck;
static uint64_t chance;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_close)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_link)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_linkat)(int, const char *, int, const char *, int);

__attribute__((constructor)) static void begin(void) {
    real_open = dlsym(RTLD_NEXT, "open");
    real_openat = dlsym(RTLD_NEXT, "openat");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_pread = dlsym(RTLD_NEXT, "pread");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    real_close = dlsym(RTLD_NEXT, "close");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_link = dlsym(RTLD_NEXT, "link");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_linkat = dlsym(RTLD_NEXT, "linkat");
    part = getenv("FAULT_PATH");
    mode = getenv("FAULT_MODE");
    op_name = getenv("FAULT_OP");
    log_path = getenv("FAULT_LOG");
    if (!part) part = "ledger.db";
    if (!mode) mode = "";
    if (!op_name) op_name = "";
    const char *text = getenv("FAULT_AT");
    strike_at = text ? atol(text) : 0;
    text = getenv("FAULT_ERRNO");
    error_number = text ? atoi(text) : EIO;
    text = getenv("FAULT_SEED");
    chance = (text ? strtoull(text, NULL, 10) : 1) * 0x9E3779B97F4A7C15u + 1;
}

static uint64_t draw(void) {
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return chance;
}

static int is_mode(const char *name) { return strcmp(mode, name) == 0; }

static int is_watched(const char *path) { return path && strstr(path, part) != NULL; }

static struct watched *of_fd(int fd) { return fd >= 0 && fd < FILES ? by_fd[fd] : NULL; }

/* Shared memory is no part of what a disk keeps. */
static int is_shared_memory(const struct watched *file) {
    size_t length = strlen(file->path);
    return length > 4 && strcmp(file->path + length - 4, "-shm") == 0;
}

static void note(enum op op, const char *path) {
    int fd = log_path ? real_open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fd < 0) return;
    dprintf(fd, "%s %s %ld %s\n", mode, op_names[op], counted, path);
    real_close(fd);
}

static void put(int fd, const unsigned char *bytes, size_t length, off_t at) {
    while (length > 0) {
        ssize_t done = real_pwrite(fd, bytes, length, at);
        if (done <= 0) return;
        bytes += done, at += done, length -= (size_t)done;
    }
}

/* Leaves in a file what the disk happened to have of it. */
static void lose_some(struct watched *file) {
    int fd = real_open(file->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    size_t count = 0;
    for (struct change *c = file->first; c; c = c->next) count++;
    struct change **all = calloc(count + 1, sizeof *all);
    size_t i = 0;
    for (struct change *c = file->first; c; c = c->next) all[i++] = c;
    for (i = count; i-- > 0;) { /* back to what was synced */
        put(fd, all[i]->old, all[i]->old_size, all[i]->at);
        if (real_ftruncate(fd, all[i]->old_length) != 0) break;
    }
    int in_order = draw() % 2 == 0; /* the disk kept a beginning, or any of them */
    size_t kept = count ? draw() % (count + 1) : 0, torn = count ? draw() % count : 0;
    for (i = 0; i < count; i++) {
        struct change *c = all[i];
        if (in_order ? i > kept : draw() % 2 == 0) continue;
        if (c->length == 0) {
            if (real_ftruncate(fd, c->at) != 0) break;
        } else {
            int half = in_order ? i == kept : i == torn;
            put(fd, c->fresh, half ? c->length / 2 : c->length, c->at);
        }
    }
    free(all);
    real_close(fd);
}

static void cut_the_power(void) {
    for (size_t i = 0; i < file_count; i++)
        if (!is_shared_memory(files[i])) lose_some(files[i]);
    for (struct name *n = fresh_names; n; n = n->next)
        if (draw() % 2 == 0) real_unlink(n->path);
    _exit(137);
}

/* Counts an operation; says whether it is to fail. */
static int strikes(enum op op, const char *path) {
    int counts = strcmp(op_name, op_names[op]) == 0 ||
                 (strcmp(op_name, "change") == 0 && (op == OP_WRITE || op == OP_SYNC));
    if (!counts || strike_at == 0) return 0;
    counted++;
    int now = counted == strike_at || (is_mode("onward") && counted > strike_at) ||
              (is_mode("short") && struck && counted == strike_at + 1);
    if (!now) return 0;
    if (!struck) note(op, path);
    struck = 1;
    return 1;
}

static int opened(int fd, const char *path) {
    if (fd < 0 || fd >= FILES) return fd;
    char whole[PATH_MAX];
    if (!realpath(path, whole)) return fd;
    for (size_t i = 0; i < file_count; i++)
        if (strcmp(files[i]->path, whole) == 0) return by_fd[fd] = files[i], fd;
    if (file_count == FILES) return fd;
    struct watched *file = calloc(1, sizeof *file);
    snprintf(file->path, sizeof file->path, "%s", whole);
    files[file_count++] = file;
    by_fd[fd] = file;
    return fd;
}

static void named(const char *path) {
    char whole[PATH_MAX];
    if (!realpath(path, whole)) return;
    struct name *n = calloc(1, sizeof *n);
    snprintf(n->path, sizeof n->path, "%s", whole);
    n->next = fresh_names;
    fresh_names = n;
}

static int open_watched(int folder, const char *path, int flags, mode_t bits) {
    pthread_mutex_lock(&lock);
    int fd, is_new = (flags & O_CREAT) && faccessat(folder, path, F_OK, 0) != 0;
    /* A disk that may only be read still opens for reading. */
    int spared = error_number == EROFS && (flags & O_ACCMODE) == O_RDONLY;
    if (!spared && strikes(OP_OPEN, path)) {
        if (is_mode("crash")) cut_the_power();
        errno = error_number, fd = -1;
    } else {
        fd = opened(real_openat(folder, path, flags, bits), path);
        if (fd >= 0 && is_new) named(path);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define BITS(flags, bits)                                                                          \
    mode_t bits = 0;                                                                               \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                         \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        bits = va_arg(list, mode_t);                                                               \
        va_end(list);                                                                              \
    }

int open(const char *path, int flags, ...) {
    BITS(flags, bits)
    if (!is_watched(path)) return real_open(path, flags, bits);
    return open_watched(AT_FDCWD, path, flags, bits);
}

int open64(const char *path, int flags, ...) {
    BITS(flags, bits)
    if (!is_watched(path)) return real_open(path, flags | O_LARGEFILE, bits);
    return open_watched(AT_FDCWD, path, flags | O_LARGEFILE, bits);
}

int openat(int folder, const char *path, int flags, ...) {
    BITS(flags, bits)
    if (!is_watched(path)) return real_openat(folder, path, flags, bits);
    return open_watched(folder, path, flags, bits);
}

int openat64(int folder, const char *path, int flags, ...) {
    BITS(flags, bits)
    if (!is_watched(path)) return real_openat(folder, path, flags | O_LARGEFILE, bits);
    return open_watched(folder, path, flags | O_LARGEFILE, bits);
}

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FILES) by_fd[fd] = NULL;
    int result = real_close(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

/* Remembers a write, or (with no bytes) a truncation, before it is done. */
static void remember(struct watched *file, const void *bytes, size_t length, off_t at) {
    if (!is_mode("crash") || is_shared_memory(file)) return;
    int fd = real_open(file->path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    if (fd < 0 || fstat(fd, &stat) != 0) return;
    struct change *c = calloc(1, sizeof *c);
    c->at = at, c->length = length, c->old_length = stat.st_size;
    c->old_size = at >= stat.st_size ? 0 : (size_t)(stat.st_size - at);
    if (length && c->old_size > length) c->old_size = length;
    c->old = malloc(c->old_size + 1);
    c->fresh = malloc(length + 1);
    if (c->old_size && real_pread(fd, c->old, c->old_size, at) != (ssize_t)c->old_size)
        c->old_size = 0;
    if (length) memcpy(c->fresh, bytes, length);
    if (file->last) file->last->next = c;
    else file->first = c;
    file->last = c;
    real_close(fd);
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t at, int moves) {
    pthread_mutex_lock(&lock);
    struct watched *file = of_fd(fd);
    off_t where = moves ? lseek(fd, 0, SEEK_CUR) : at;
    ssize_t result;
    remember(file, bytes, length, where);
    if (!strikes(OP_WRITE, file->path)) {
        result = moves ? real_write(fd, bytes, length) : real_pwrite(fd, bytes, length, at);
    } else if (is_mode("crash")) {
        cut_the_power();
        result = -1;
    } else if (is_mode("short") && counted == strike_at && length > 1) {
        result = moves ? real_write(fd, bytes, length / 2) : real_pwrite(fd, bytes, length / 2, at);
    } else {
        errno = error_number, result = -1;
    }
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    return of_fd(fd) ? write_at(fd, bytes, length, 0, 1) : real_write(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    return of_fd(fd) ? write_at(fd, bytes, length, at, 0) : real_pwrite(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) {
    return pwrite(fd, bytes, length, at);
}

static int sync_file(int fd, int (*real)(int)) {
    struct watched *file = of_fd(fd);
    if (!file) {
        struct stat stat;
        char link[64], folder[PATH_MAX];
        if (fresh_names && fstat(fd, &stat) == 0 && S_ISDIR(stat.st_mode)) {
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            ssize_t length = readlink(link, folder, sizeof folder - 1);
            pthread_mutex_lock(&lock);
            for (struct name **n = &fresh_names; length > 0 && *n;) {
                char *end = strrchr((*n)->path, '/');
                int here = end && end - (*n)->path == length &&
                           strncmp((*n)->path, folder, (size_t)length) == 0;
                if (here) *n = (*n)->next;
                else n = &(*n)->next;
            }
            pthread_mutex_unlock(&lock);
        }
        return real(fd);
    }
    pthread_mutex_lock(&lock);
    int result;
    if (strikes(OP_SYNC, file->path)) {
        if (is_mode("crash")) cut_the_power();
        errno = error_number, result = -1;
    } else {
        result = real(fd);
        file->first = file->last = NULL; /* kept from now on; the process is short-lived */
    }
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return result;
}

int fsync(int fd) { return sync_file(fd, real_fsync); }

int fdatasync(int fd) { return sync_file(fd, real_fdatasync); }

static int cut(int fd, off_t length) {
    struct watched *file = of_fd(fd);
    if (!file) return real_ftruncate(fd, length);
    pthread_mutex_lock(&lock);
    int result;
    if (strikes(OP_TRUNCATE, file->path)) {
        if (is_mode("crash")) cut_the_power();
        errno = error_number, result = -1;
    } else {
        remember(file, "", 0, length);
        result = real_ftruncate(fd, length);
    }
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return result;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }

int ftruncate64(int fd, off_t length) { return cut(fd, length); }

/* Says whether a change of names is to fail. */
static int name_fails(const char *path) {
    pthread_mutex_lock(&lock);
    int fails = is_watched(path) && strikes(OP_NAME, path);
    if (fails && is_mode("crash")) cut_the_power();
    pthread_mutex_unlock(&lock);
    if (fails) errno = error_number;
    return fails;
}

static int name_given(int result, const char *path) {
    if (result == 0 && is_watched(path)) {
        pthread_mutex_lock(&lock);
        named(path);
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int rename(const char *from, const char *to) {
    return name_fails(to) ? -1 : name_given(real_rename(from, to), to);
}

int link(const char *from, const char *to) {
    return name_fails(to) ? -1 : name_given(real_link(from, to), to);
}

int linkat(int from_in, const char *from, int to_in, const char *to, int flags) {
    return name_fails(to) ? -1 : name_given(real_linkat(from_in, from, to_in, to, flags), to);
}

/* A file that comes to stand under the same name is another one. */
int unlink(const char *path) {
    char whole[PATH_MAX];
    if (!is_watched(path) || !realpath(path, whole)) return real_unlink(path);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < file_count; i++)
        if (strcmp(files[i]->path, whole) == 0) files[i]->first = files[i]->last = NULL;
    int result = real_unlink(path);
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return result;
}
