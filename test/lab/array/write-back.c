#include "write-back.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double HEAVY_BYTES = 4 << 20; /* written by one LUN into a full cache before it counts for a freeze */
static const double OVERFLOW_ENDS_MS = 500;    /* after the last write that had to wait; a copy pauses between pieces */

static void put(struct wb_queue *queue, struct wb_request *request) {
  request->next = NULL;
  *queue->last = request;
  queue->last = &request->next;
}

static struct wb_request *take(struct wb_queue *queue) {
  struct wb_request *request = queue->first;
  if (request == NULL) return NULL;
  queue->first = request->next;
  if (queue->first == NULL) queue->last = &queue->first;
  return request;
}

static uint64_t ns(double milliseconds) { return (uint64_t)(milliseconds * 1e6); }

void wb_init(struct wb_array *array) {
  memset(array, 0, sizeof *array);
  array->parameters = (struct wb_parameters){
      .cache = 200e6, .drain = 8e6, .read = 32e6, .seek_ms = 4, .partial_ms = 8, .high = 0.6, .low = 0.2, .idle_ms = 500,
      .burst_every_ms = 5000, .burst_ms = 2500, .freeze_after_ms = 2000, .freeze_ms = 10000};
  struct wb_queue *queues[] = {&array->waiting, &array->hosts, &array->held, &array->ended};
  for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) queues[i]->last = &queues[i]->first;
  array->overflow_since = WB_NEVER;
}

bool wb_add_lun(struct wb_array *array, unsigned lun, uint64_t bytes) {
  if (lun >= WB_LUNS) return false;
  struct wb_lun *own = &array->luns[lun];
  own->words = (bytes / WB_BLOCK + 64) / 64;
  own->dirty = calloc(own->words, sizeof *own->dirty);
  return own->dirty != NULL;
}

/* ---- blocks ---- */

static bool is_dirty(const struct wb_lun *lun, uint64_t block) { return lun->dirty[block / 64] >> (block % 64) & 1; }

/* Blocks of the request that are dirty, or that are not. */
static uint64_t blocks_of(const struct wb_array *array, const struct wb_request *request, bool dirty) {
  uint64_t count = 0;
  for (uint64_t block = request->offset / WB_BLOCK; block * WB_BLOCK < request->offset + request->length; block++)
    count += is_dirty(&array->luns[request->lun], block) == dirty;
  return count;
}

/* The first dirty block from the disks' place on, LUN after LUN, and round again. */
static void find_dirty(struct wb_array *array) {
  for (unsigned tried = 0; tried <= WB_LUNS; tried++) {
    struct wb_lun *lun = &array->luns[array->head_lun];
    if (lun->dirty_blocks > 0) {
      for (uint64_t word = array->head_block / 64; word < lun->words; word++) {
        uint64_t bits = lun->dirty[word];
        if (word == array->head_block / 64) bits &= UINT64_MAX << (array->head_block % 64);
        if (bits == 0) continue;
        array->head_block = word * 64 + (uint64_t)__builtin_ctzll(bits);
        return;
      }
    }
    array->head_lun = (array->head_lun + 1) % WB_LUNS;
    array->head_block = 0;
  }
}

/* ---- what ends, and what may come in ---- */

static void end(struct wb_array *array, struct wb_request *request) {
  put(array->now < array->frozen_until ? &array->held : &array->ended, request);
}

static bool admit(struct wb_array *array, struct wb_request *request) {
  uint64_t room = blocks_of(array, request, false) * WB_BLOCK;
  /* A write that is larger than the whole cache goes through it when it is empty. */
  if (room > 0 && array->fill > 0 && (double)(array->fill + room) > array->parameters.cache) return false;
  struct wb_lun *lun = &array->luns[request->lun];
  for (uint64_t block = request->offset / WB_BLOCK; block * WB_BLOCK < request->offset + request->length; block++)
    lun->dirty[block / 64] |= 1ull << (block % 64);
  lun->dirty_blocks += room / WB_BLOCK;
  array->fill += room;
  array->admitted += room;
  return true;
}

static void admit_waiting(struct wb_array *array) {
  if (array->now < array->frozen_until) return;
  while (array->waiting.first != NULL) {
    struct wb_request *request = array->waiting.first;
    bool through = array->parameters.write_through != 0;
    if (!through && !admit(array, request)) return;
    take(&array->waiting);
    array->waiting_count--;
    array->last_wait = array->now;
    if (through) put(&array->hosts, request);
    else end(array, request);
  }
}

static void begin_overflow(struct wb_array *array) {
  if (array->overflow_since != WB_NEVER) return;
  array->overflow_since = array->now;
  array->overflows++;
  for (unsigned lun = 0; lun < WB_LUNS; lun++) array->luns[lun].overflow_bytes = 0;
}

static void end_overflow(struct wb_array *array) {
  if (array->overflow_since == WB_NEVER || array->waiting.first != NULL) return;
  if (array->now < array->last_wait + ns(OVERFLOW_ENDS_MS)) return;
  array->overflow_ns += array->last_wait - array->overflow_since;
  array->overflow_since = WB_NEVER;
}

static void freeze(struct wb_array *array, double milliseconds) {
  array->freezes++;
  array->frozen_until = array->now + ns(milliseconds);
}

/* When a freeze would be due: as long after the one before as after the beginning of the overflow. */
static uint64_t freeze_due(const struct wb_array *array) {
  uint64_t since = array->overflow_since > array->frozen_until ? array->overflow_since : array->frozen_until;
  return since + ns(array->parameters.freeze_after_ms);
}

static void freeze_if_overrun(struct wb_array *array) {
  const struct wb_parameters *is = &array->parameters;
  if (is->freeze_luns < 1 || array->overflow_since == WB_NEVER || array->now < array->frozen_until) return;
  if (array->now < freeze_due(array)) return;
  unsigned heavy = 0;
  for (unsigned lun = 0; lun < WB_LUNS; lun++) heavy += (double)array->luns[lun].overflow_bytes >= HEAVY_BYTES;
  if (heavy < is->freeze_luns) return;
  freeze(array, is->freeze_ms);
  /* The next one has to be earned anew. */
  for (unsigned lun = 0; lun < WB_LUNS; lun++) array->luns[lun].overflow_bytes = 0;
}

static void thaw(struct wb_array *array) {
  for (struct wb_request *request; (request = take(&array->held)) != NULL;) put(&array->ended, request);
  admit_waiting(array);
  if (array->waiting.first != NULL) begin_overflow(array);
}

/* ---- the disks ---- */

static bool wants_destage(struct wb_array *array) {
  const struct wb_parameters *is = &array->parameters;
  if (array->fill == 0) return false;
  if (array->waiting.first != NULL || is->write_through != 0) return true;
  switch ((enum wb_destage)is->destage) {
    case WB_WATERMARK:
      if ((double)array->fill >= is->high * is->cache) array->above = true;
      if ((double)array->fill <= is->low * is->cache) array->above = false;
      return array->above;
    case WB_IDLE: return array->now >= array->last_request + ns(is->idle_ms);
    case WB_BURSTS: return array->now % ns(is->burst_every_ms) < ns(is->burst_ms);
    case WB_ALWAYS: break;
  }
  return true;
}

static void work(struct wb_array *array, double seconds) {
  array->busy = true;
  array->busy_until = array->now + (uint64_t)(1e9 * seconds / (1 - array->parameters.rebuild));
}

static void destage(struct wb_array *array) {
  find_dirty(array);
  struct wb_lun *lun = &array->luns[array->head_lun];
  uint64_t blocks = 0, stripe_end = (array->head_block / WB_STRIPE_BLOCKS + 1) * WB_STRIPE_BLOCKS;
  bool whole = array->head_block % WB_STRIPE_BLOCKS == 0;
  for (uint64_t block = array->head_block; block < stripe_end && block / 64 < lun->words; block++) {
    if (!is_dirty(lun, block)) continue;
    lun->dirty[block / 64] &= ~(1ull << (block % 64));
    blocks++;
  }
  whole = whole && blocks == WB_STRIPE_BLOCKS;
  lun->dirty_blocks -= blocks;
  array->head_block = stripe_end;
  if (array->head_block / 64 >= lun->words) {
    array->head_lun = (array->head_lun + 1) % WB_LUNS;
    array->head_block = 0;
  }
  array->destaging = blocks * WB_BLOCK;
  work(array, (double)array->destaging / array->parameters.drain + (whole ? 0 : array->parameters.partial_ms / 1e3));
}

static void serve(struct wb_array *array) {
  struct wb_request *request = array->serving = take(&array->hosts);
  const struct wb_parameters *is = &array->parameters;
  double bytes = (double)request->length;
  if (request->is_write) {
    bool whole = request->offset % (WB_STRIPE_BLOCKS * WB_BLOCK) == 0 && request->length % (WB_STRIPE_BLOCKS * WB_BLOCK) == 0;
    work(array, bytes / is->drain + (whole ? 0 : is->partial_ms / 1e3));
    return;
  }
  struct wb_lun *lun = &array->luns[request->lun];
  work(array, bytes / is->read + (request->offset == lun->read_end ? 0 : is->seek_ms / 1e3));
  lun->read_end = request->offset + request->length;
}

static void start_disks(struct wb_array *array) {
  if (array->busy) return;
  bool hosts = array->hosts.first != NULL, cache = wants_destage(array);
  if (!hosts && !cache) return;
  array->host_turn = hosts && (!cache || !array->host_turn);
  if (array->host_turn) serve(array);
  else destage(array);
}

static void finish_disks(struct wb_array *array) {
  array->busy = false;
  if (array->serving != NULL) {
    if (array->serving->is_write) array->drained += array->serving->length;
    end(array, array->serving);
    array->serving = NULL;
    return;
  }
  array->fill -= array->destaging;
  array->drained += array->destaging;
  array->destaging = 0;
  admit_waiting(array);
}

/* ---- time ---- */

uint64_t wb_next(const struct wb_array *array) {
  const struct wb_parameters *is = &array->parameters;
  uint64_t next = array->busy ? array->busy_until : WB_NEVER;
  if (array->now < array->frozen_until && array->frozen_until < next) next = array->frozen_until;
  if (array->overflow_since != WB_NEVER && is->freeze_luns >= 1) {
    uint64_t due = freeze_due(array);
    if (due > array->now && due < next) next = due;
  }
  if (array->overflow_since != WB_NEVER && array->waiting.first == NULL) {
    uint64_t due = array->last_wait + ns(OVERFLOW_ENDS_MS);
    if (due < next) next = due;
  }
  if (!array->busy && array->fill > 0) {
    uint64_t due = WB_NEVER;
    if (is->destage == WB_IDLE) due = array->last_request + ns(is->idle_ms);
    if (is->destage == WB_BURSTS) due = (array->now / ns(is->burst_every_ms) + 1) * ns(is->burst_every_ms);
    if (due > array->now && due < next) next = due;
  }
  return next;
}

void wb_advance(struct wb_array *array, uint64_t now) {
  for (;;) {
    uint64_t next = wb_next(array);
    bool was_frozen = array->now < array->frozen_until;
    array->now = next < now ? next : now > array->now ? now : array->now;
    if (was_frozen && array->now >= array->frozen_until) thaw(array);
    if (array->busy && array->busy_until <= array->now) finish_disks(array);
    end_overflow(array);
    freeze_if_overrun(array);
    start_disks(array);
    if (next >= now) return;
  }
}

void wb_submit(struct wb_array *array, struct wb_request *request, uint64_t now) {
  wb_advance(array, now);
  array->in_flight++;
  array->last_request = array->now;
  bool frozen = array->now < array->frozen_until;
  if (!request->is_write) {
    array->reads++;
    array->read += request->length;
    if (blocks_of(array, request, false) > 0) put(&array->hosts, request);
    else end(array, request);
  } else {
    array->writes++;
    array->written += request->length;
    array->luns[request->lun].overflow_bytes += array->overflow_since == WB_NEVER ? 0 : request->length;
    bool hit = blocks_of(array, request, false) == 0;
    if (array->parameters.write_through != 0) {
      put(&array->hosts, request);
    } else if (!frozen && (hit || array->waiting.first == NULL) && admit(array, request)) {
      end(array, request);
    } else {
      put(&array->waiting, request);
      array->waiting_count++;
      if (!frozen) begin_overflow(array);
    }
  }
  freeze_if_overrun(array);
  start_disks(array);
}

struct wb_request *wb_take_ended(struct wb_array *array) {
  struct wb_request *request = take(&array->ended);
  if (request != NULL) array->in_flight--;
  return request;
}

/* ---- words ---- */

struct key {
  const char *name;
  size_t at;
  double least, most;
};
#define KEY(name, least, most) {#name, offsetof(struct wb_parameters, name), least, most}
static const struct key keys[] = {
    KEY(cache, 1e6, 1e12), KEY(drain, 1e4, 1e12), KEY(read, 1e4, 1e12), KEY(seek_ms, 0, 1000), KEY(partial_ms, 0, 1000),
    KEY(high, 0, 1), KEY(low, 0, 1), KEY(idle_ms, 0, 1e6), KEY(burst_every_ms, 1, 1e6), KEY(burst_ms, 1, 1e6),
    KEY(write_through, 0, 1), KEY(rebuild, 0, 0.95), KEY(freeze_luns, 0, WB_LUNS), KEY(freeze_after_ms, 0, 1e6),
    KEY(freeze_ms, 0, 1e6),
};
static const char *const policies[] = {"always", "watermark", "idle", "bursts"};

static bool set_one(struct wb_parameters *is, double *freeze_now, const char *name, const char *value) {
  if (strcmp(name, "destage") == 0) {
    for (int policy = 0; policy < 4; policy++)
      if (strcmp(value, policies[policy]) == 0) return is->destage = policy, true;
    return false;
  }
  char *rest;
  double number = strtod(value, &rest);
  if (rest == value || *rest != 0 || !isfinite(number)) return false;
  if (strcmp(name, "freeze") == 0) return *freeze_now = number, number >= 0 && number <= 1e6;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    if (strcmp(name, keys[i].name) != 0) continue;
    if (number < keys[i].least || number > keys[i].most) return false;
    *(double *)((char *)is + keys[i].at) = number;
    return true;
  }
  return false;
}

bool wb_set(struct wb_array *array, const char *text, uint64_t now) {
  struct wb_parameters next = array->parameters;
  double freeze_now = 0;
  char copy[1024], *state;
  if (strlen(text) >= sizeof copy) return false;
  strcpy(copy, text);
  for (char *word = strtok_r(copy, ", \n", &state); word != NULL; word = strtok_r(NULL, ", \n", &state)) {
    char *equals = strchr(word, '=');
    if (equals == NULL) return false;
    *equals = 0;
    if (!set_one(&next, &freeze_now, word, equals + 1)) return false;
  }
  wb_advance(array, now);
  array->parameters = next;
  if (freeze_now > 0) freeze(array, freeze_now);
  admit_waiting(array);
  start_disks(array);
  return true;
}

void wb_truth(const struct wb_array *array, char *text, size_t size) {
  const struct wb_parameters *is = &array->parameters;
  bool full = array->overflow_since != WB_NEVER;
  uint64_t last = array->waiting.first == NULL ? array->last_wait : array->now;
  snprintf(
      text, size,
      "\"capacityBytes\":%.0f,\"drainBytesPerSecond\":%.0f,\"destage\":\"%s\",\"writeThrough\":%s,\"rebuildShare\":%g,"
      "\"fillBytes\":%llu,\"writtenBytes\":%llu,\"admittedBytes\":%llu,\"drainedBytes\":%llu,\"readBytes\":%llu,\"writes\":%llu,"
      "\"reads\":%llu,\"waitingWrites\":%llu,\"inFlight\":%llu,\"overflowing\":%s,\"overflows\":%llu,\"overflowMs\":%.1f,"
      "\"frozen\":%s,\"freezes\":%llu",
      is->cache, is->drain, policies[(int)is->destage], is->write_through != 0 ? "true" : "false", is->rebuild,
      (unsigned long long)array->fill, (unsigned long long)array->written, (unsigned long long)array->admitted,
      (unsigned long long)array->drained, (unsigned long long)array->read, (unsigned long long)array->writes,
      (unsigned long long)array->reads, (unsigned long long)array->waiting_count, (unsigned long long)array->in_flight,
      full ? "true" : "false", (unsigned long long)array->overflows,
      (double)(array->overflow_ns + (full ? last - array->overflow_since : 0)) / 1e6,
      array->now < array->frozen_until ? "true" : "false", (unsigned long long)array->freezes);
}
