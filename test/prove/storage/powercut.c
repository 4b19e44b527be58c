/*
 * A power cut for a process that only dies: kill -9 leaves the page cache in place, so that data which was never synced
 * survives it. This shim is preloaded into Redis and writes down, per file, how many bytes a completed fsync or
 * fdatasync covers; at each kill the harness cuts the files to that length.
 *
 * The model is the worst case for appended data: nothing that was not synced survives. Not modelled: lost renames and
 * directory entries, torn or re-ordered sectors inside the synced range, a disk that lies about fsync.
 *
 * The record is a file named by TOCSIN_POWERCUT_RECORD, mapped shared, so that it outlives the process and forked
 * children of it write to the same one. Layout: SLOTS x {uint64 device, uint64 inode, uint64 synced}, all little endian
 * on the machines this runs on; a slot with inode 0 is free.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS 4096

struct slot {
  _Atomic uint64_t device;
  _Atomic uint64_t inode;
  _Atomic uint64_t synced;
};

static struct slot *record;
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_truncate)(const char *, off_t);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

__attribute__((constructor)) static void open_record(void) {
  real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate");
  real_truncate = (int (*)(const char *, off_t))dlsym(RTLD_NEXT, "truncate");
  real_unlink = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
  real_rename = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
  const char *path = getenv("TOCSIN_POWERCUT_RECORD");
  if (path == NULL) return;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) _exit(97);
  if (real_ftruncate(fd, SLOTS * sizeof(struct slot)) != 0) _exit(97);
  void *mapped = mmap(NULL, SLOTS * sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) _exit(97);
  record = mapped;
}

/* The slot of the file, taken when it has none yet. A full table ends the process: silence would be a false proof. */
static struct slot *slot_of(const struct stat *file) {
  uint64_t wanted = (uint64_t)file->st_ino;
  for (size_t step = 0; step < SLOTS; step++) {
    struct slot *slot = &record[(wanted + step) % SLOTS];
    uint64_t found = atomic_load(&slot->inode);
    if (found == 0 && atomic_compare_exchange_strong(&slot->inode, &found, wanted)) {
      atomic_store(&slot->device, (uint64_t)file->st_dev);
      return slot;
    }
    if (found == wanted) return slot;
  }
  _exit(98);
}

/* The length is taken before the sync: what another thread appends meanwhile may not be covered by it. */
static int sync_and_note(int fd, int (*sync)(int)) {
  struct stat before;
  int known = record != NULL && fstat(fd, &before) == 0 && S_ISREG(before.st_mode);
  int result = sync(fd);
  int saved = errno;
  if (result == 0 && known) {
    struct slot *slot = slot_of(&before);
    uint64_t length = (uint64_t)before.st_size;
    uint64_t noted = atomic_load(&slot->synced);
    while (noted < length && !atomic_compare_exchange_weak(&slot->synced, &noted, length)) {
    }
  }
  errno = saved;
  return result;
}

/* What is cut off and written again was not synced again. */
static void note_shorter(const struct stat *file, off_t length) {
  if (record == NULL || !S_ISREG(file->st_mode)) return;
  struct slot *slot = slot_of(file);
  uint64_t noted = atomic_load(&slot->synced);
  while (noted > (uint64_t)length && !atomic_compare_exchange_weak(&slot->synced, &noted, (uint64_t)length)) {
  }
}

/* The inode of a file that goes away may be given to a new one, of which nothing is synced yet. */
static void forget(const char *path) {
  struct stat file;
  if (stat(path, &file) == 0) note_shorter(&file, 0);
}

int fsync(int fd) { return sync_and_note(fd, real_fsync); }

int fdatasync(int fd) { return sync_and_note(fd, real_fdatasync); }

int ftruncate(int fd, off_t length) {
  struct stat file;
  if (fstat(fd, &file) == 0) note_shorter(&file, length);
  return real_ftruncate(fd, length);
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int truncate(const char *path, off_t length) {
  struct stat file;
  if (stat(path, &file) == 0) note_shorter(&file, length);
  return real_truncate(path, length);
}

int truncate64(const char *path, off64_t length) { return truncate(path, length); }

int unlink(const char *path) {
  forget(path);
  return real_unlink(path);
}

int rename(const char *from, const char *to) {
  forget(to);
  return real_rename(from, to);
}
