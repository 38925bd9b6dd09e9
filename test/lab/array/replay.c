/*
 * Plays requests of a table to the cache, in virtual time. Lines of standard input, in order of time (milliseconds):
 * `AT write|read LUN OFFSET LENGTH`, `AT set KEY=VALUE,…` and `AT look`. Lines of standard output: `AT done NUMBER`, where
 * requests are numbered from 1, and `AT TRUTH`. LUNs 0 to 7 have 4 GiB each. It goes on until nothing more happens by itself.
 */
#include "write-back.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct numbered {
  struct wb_request request;
  unsigned number;
};

static void print_ended(struct wb_array *array) {
  for (struct wb_request *request; (request = wb_take_ended(array)) != NULL; free(request))
    printf("%.3f done %u\n", (double)array->now / 1e6, ((struct numbered *)request)->number);
}

/* Step by step, so that each end is printed with its own time. */
static void go_on(struct wb_array *array, uint64_t until) {
  for (uint64_t next; (next = wb_next(array)) <= until && next != WB_NEVER;) {
    wb_advance(array, next);
    print_ended(array);
  }
  if (until != WB_NEVER) wb_advance(array, until);
  print_ended(array);
}

int main(void) {
  static struct wb_array array;
  wb_init(&array);
  for (unsigned lun = 0; lun < 8; lun++)
    if (!wb_add_lun(&array, lun, 4ull << 30)) return 1;
  char line[1024], verb[16], rest[900], truth[1024];
  unsigned number = 0;
  while (fgets(line, sizeof line, stdin) != NULL) {
    double at;
    rest[0] = 0;
    if (sscanf(line, "%lf %15s %899[^\n]", &at, verb, rest) < 2) return 2;
    uint64_t now = (uint64_t)(at * 1e6);
    go_on(&array, now);
    if (strcmp(verb, "look") == 0) {
      wb_truth(&array, truth, sizeof truth);
      printf("%.3f {%s}\n", at, truth);
    } else if (strcmp(verb, "set") == 0) {
      if (!wb_set(&array, rest, now)) return 3;
    } else {
      struct numbered *one = calloc(1, sizeof *one);
      unsigned long long offset, length;
      if (one == NULL || sscanf(rest, "%u %llu %llu", &one->request.lun, &offset, &length) != 3) return 4;
      if (one->request.lun > 7 || offset + length > 4ull << 30) return 5;
      one->number = ++number;
      one->request.offset = offset;
      one->request.length = length;
      one->request.is_write = strcmp(verb, "write") == 0;
      wb_submit(&array, &one->request, now);
    }
    print_ended(&array);
  }
  go_on(&array, WB_NEVER);
  return 0;
}
