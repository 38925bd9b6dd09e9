/*
 * Puts the write cache of write-back.c in front of the files of a directory: `array-fs DIRECTORY [KEY=VALUE,…]` mounts itself
 * over the directory, whose files stay where they are beneath, and stays in the foreground. They are LUNs of fixed size. Data are
 * written to the file beneath at once; only the answer comes when the array would give it. A flush ends at once, as it does with a
 * battery.
 *
 * The file `.array` there is for whoever made the array and no part of it: reading gives the truth as JSON, writing
 * sets parameters.
 */
#define FUSE_USE_VERSION 314
#include "write-back.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct file {
  char name[256];
  int fd;
  off_t size;
};

struct pending {
  struct wb_request request; /* first: the cache hands this back */
  fuse_req_t fuse;
};

static const char control_name[] = ".array";
static struct file files[WB_LUNS];
static unsigned file_count;
static struct wb_array array;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

/* Inodes: 1 the directory, 2 the control file, then the LUNs. */
static const fuse_ino_t control_ino = 2, first_ino = 3;

static struct file *file_of(fuse_ino_t ino) {
  return ino >= first_ino && ino - first_ino < file_count ? &files[ino - first_ino] : NULL;
}

static uint64_t clock_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

/* Answers all that has ended. Called with the lock, which it gives up meanwhile. */
static void answer_ended(void) {
  for (struct wb_request *request; (request = wb_take_ended(&array)) != NULL;) {
    struct pending *one = (struct pending *)request;
    pthread_mutex_unlock(&lock);
    if (request->is_write) {
      fuse_reply_write(one->fuse, request->length);
    } else {
      char *data = malloc(request->length);
      ssize_t bytes = data == NULL ? -1 : pread(files[request->lun].fd, data, request->length, (off_t)request->offset);
      if (bytes < 0) fuse_reply_err(one->fuse, EIO);
      else fuse_reply_buf(one->fuse, data, (size_t)bytes);
      free(data);
    }
    free(one);
    pthread_mutex_lock(&lock);
  }
}

/* What happens by itself. */
static void *run_disks(void *nothing) {
  pthread_mutex_lock(&lock);
  for (;;) {
    wb_advance(&array, clock_ns(CLOCK_MONOTONIC));
    answer_ended();
    uint64_t next = wb_next(&array);
    if (next == WB_NEVER) {
      pthread_cond_wait(&changed, &lock);
      continue;
    }
    struct timespec until = {.tv_sec = (time_t)(next / 1000000000ull), .tv_nsec = (long)(next % 1000000000ull)};
    pthread_cond_timedwait(&changed, &lock, &until);
  }
  return nothing;
}

static void submit(fuse_req_t fuse, fuse_ino_t ino, size_t length, off_t offset, bool is_write) {
  struct pending *one = calloc(1, sizeof *one);
  if (one == NULL) {
    fuse_reply_err(fuse, ENOMEM);
    return;
  }
  one->fuse = fuse;
  one->request = (struct wb_request){
      .lun = (unsigned)(ino - first_ino), .offset = (uint64_t)offset, .length = length, .is_write = is_write};
  pthread_mutex_lock(&lock);
  uint64_t before = wb_next(&array);
  wb_submit(&array, &one->request, clock_ns(CLOCK_MONOTONIC));
  answer_ended();
  if (wb_next(&array) != before) pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
}

/* All in one piece: the rest of it would be of another moment. */
static void reply_truth(fuse_req_t fuse, size_t size) {
  char text[1280];
  char truth[1024];
  pthread_mutex_lock(&lock);
  wb_advance(&array, clock_ns(CLOCK_MONOTONIC));
  wb_truth(&array, truth, sizeof truth);
  answer_ended();
  pthread_mutex_unlock(&lock);
  double at = (double)clock_ns(CLOCK_REALTIME) / 1e6;
  size_t length = (size_t)snprintf(text, sizeof text, "{\"at\":%.1f,%s}\n", at, truth);
  fuse_reply_buf(fuse, text, length < size ? length : size);
}

static void on_read(fuse_req_t fuse, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)info;
  const struct file *file = file_of(ino);
  if (file == NULL && offset == 0) reply_truth(fuse, size);
  else if (file == NULL || offset >= file->size) fuse_reply_buf(fuse, NULL, 0);
  else submit(fuse, ino, offset + (off_t)size > file->size ? (size_t)(file->size - offset) : size, offset, false);
}

static void on_write(fuse_req_t fuse, fuse_ino_t ino, const char *data, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)info;
  const struct file *file = file_of(ino);
  if (file == NULL) {
    char text[1024] = "";
    memcpy(text, data, size < sizeof text ? size : 0);
    pthread_mutex_lock(&lock);
    bool understood = size < sizeof text && wb_set(&array, text, clock_ns(CLOCK_MONOTONIC));
    answer_ended();
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    if (understood) fuse_reply_write(fuse, size);
    else fuse_reply_err(fuse, EINVAL);
  } else if (offset + (off_t)size > file->size) {
    fuse_reply_err(fuse, ENOSPC);
  } else if (pwrite(file->fd, data, size, offset) != (ssize_t)size) {
    fuse_reply_err(fuse, EIO);
  } else {
    submit(fuse, ino, size, offset, true);
  }
}

static bool stat_of(fuse_ino_t ino, struct stat *stat) {
  *stat = (struct stat){.st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0600, .st_blksize = WB_BLOCK};
  const struct file *file = file_of(ino);
  if (ino == FUSE_ROOT_ID) stat->st_mode = S_IFDIR | 0700;
  else if (file != NULL) stat->st_size = file->size;
  else if (ino != control_ino) return false;
  stat->st_blocks = stat->st_size / 512;
  return true;
}

static void on_getattr(fuse_req_t fuse, fuse_ino_t ino, struct fuse_file_info *info) {
  (void)info;
  struct stat stat;
  if (stat_of(ino, &stat)) fuse_reply_attr(fuse, &stat, 3600);
  else fuse_reply_err(fuse, ENOENT);
}

/* Sizes do not change; that of the control file may be set to nothing. */
static void on_setattr(fuse_req_t fuse, fuse_ino_t ino, struct stat *to, int what, struct fuse_file_info *info) {
  const struct file *file = file_of(ino);
  if (file != NULL && (what & FUSE_SET_ATTR_SIZE) && to->st_size != file->size) fuse_reply_err(fuse, EPERM);
  else on_getattr(fuse, ino, info);
}

static void on_lookup(fuse_req_t fuse, fuse_ino_t parent, const char *name) {
  (void)parent;
  struct fuse_entry_param entry = {.attr_timeout = 3600, .entry_timeout = 3600};
  if (strcmp(name, control_name) == 0) entry.ino = control_ino;
  for (unsigned i = 0; i < file_count; i++)
    if (strcmp(name, files[i].name) == 0) entry.ino = first_ino + i;
  if (entry.ino != 0 && stat_of(entry.ino, &entry.attr)) fuse_reply_entry(fuse, &entry);
  else fuse_reply_err(fuse, ENOENT);
}

static void on_open(fuse_req_t fuse, fuse_ino_t ino, struct fuse_file_info *info) {
  (void)ino;
  /* Past the page cache: each request of a client is one of the array's. */
  info->direct_io = 1;
  fuse_reply_open(fuse, info);
}

static void on_fsync(fuse_req_t fuse, fuse_ino_t ino, int only_data, struct fuse_file_info *info) {
  (void)ino, (void)only_data, (void)info;
  fuse_reply_err(fuse, 0);
}

static void on_readdir(fuse_req_t fuse, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)ino, (void)info;
  char *buffer = malloc(size);
  size_t used = 0;
  for (unsigned i = (unsigned)offset; buffer != NULL && i < file_count; i++) {
    struct stat stat;
    stat_of(first_ino + i, &stat);
    size_t entry = fuse_add_direntry(fuse, buffer + used, size - used, files[i].name, &stat, (off_t)i + 1);
    if (entry > size - used) break;
    used += entry;
  }
  fuse_reply_buf(fuse, buffer, used);
  free(buffer);
}

static const struct fuse_lowlevel_ops operations = {
    .lookup = on_lookup, .getattr = on_getattr, .setattr = on_setattr, .open = on_open, .read = on_read,
    .write = on_write, .fsync = on_fsync, .readdir = on_readdir,
};

/* Opens the files beneath before anything is mounted over them. */
static bool open_files(const char *directory) {
  struct dirent **entries;
  int count = scandir(directory, &entries, NULL, alphasort), base = open(directory, O_RDONLY | O_DIRECTORY);
  if (count < 0 || base < 0) return false;
  for (int i = 0; i < count; i++) {
    struct stat stat;
    if (fstatat(base, entries[i]->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(stat.st_mode)) continue;
    if (file_count == WB_LUNS) return false;
    struct file *file = &files[file_count];
    strcpy(file->name, entries[i]->d_name);
    file->size = stat.st_size;
    file->fd = openat(base, file->name, O_RDWR);
    if (file->fd < 0 || !wb_add_lun(&array, file_count, (uint64_t)file->size)) return false;
    file_count++;
  }
  return true;
}

static int failed(const char *what) {
  fprintf(stderr, "array-fs: %s: %s\n", what, strerror(errno));
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "Usage: array-fs DIRECTORY [KEY=VALUE,...]\n");
    return 2;
  }
  wb_init(&array);
  if (argc == 3 && !wb_set(&array, argv[2], clock_ns(CLOCK_MONOTONIC))) {
    fprintf(stderr, "array-fs: not understood: %s\n", argv[2]);
    return 2;
  }
  if (!open_files(argv[1])) return failed(argv[1]);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &monotonic);

  char *words[] = {argv[0], "-o", "fsname=array,subtype=headroom-lab"};
  struct fuse_args args = FUSE_ARGS_INIT(3, words);
  struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
  if (session == NULL || fuse_set_signal_handlers(session) != 0) return failed("session");
  if (fuse_session_mount(session, argv[1]) != 0) return failed("mount");
  pthread_t disks;
  if (pthread_create(&disks, NULL, run_disks, NULL) != 0) return failed("thread");
  int result = fuse_session_loop(session);
  fuse_session_unmount(session);
  return result < 0 ? 1 : 0;
}
