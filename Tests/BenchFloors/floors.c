#include "floors.h"

static const uint64_t address_bits = 0x000ffffffffff000;

static int shift(int level) { return 3 + 9 * level; }

static uint64_t index_of(uint64_t address, int level) { return address >> shift(level) & 511; }

static uint64_t *entries(const floor_table *table, uint64_t entry) {
  return table->memory + ((entry & address_bits) >> 3);
}

/// The leaf for `address`; the tables on the way are there.
static inline uint64_t *leaf(const floor_table *table, uint64_t address, int level) {
  uint64_t *table_entries = entries(table, table->root);
  for (int upper = 4; upper > level; upper--) {
    table_entries = entries(table, table_entries[index_of(address, upper)]);
  }
  return table_entries + index_of(address, level);
}

/// As `leaf`, but missing tables are made.
static inline uint64_t *make_leaf(floor_table *table, uint64_t address, int level) {
  uint64_t *table_entries = entries(table, table->root);
  for (int upper = 4; upper > level; upper--) {
    uint64_t *entry = table_entries + index_of(address, upper);
    if (!(*entry & 1)) {
      *entry = table->next | 3;
      table->next += 4096;
    }
    table_entries = entries(table, *entry);
  }
  return table_entries + index_of(address, level);
}

void floor_map(floor_table *table, floor_pages pages, uint64_t entry, uint64_t per_walk) {
  uint64_t size = 1ull << shift(pages.level);
  uint64_t address = pages.start;
  for (uint64_t page = 0; page < pages.count; page += per_walk) {
    uint64_t *leaves = make_leaf(table, address, pages.level);
    for (uint64_t index = 0; index < per_walk; index++) {
      leaves[index] = entry;
      entry += size;
    }
    address += per_walk * size;
  }
}

uint64_t floor_unmap(const floor_table *table, floor_pages pages, uint64_t per_walk) {
  uint64_t sum = 0;
  uint64_t address = pages.start;
  for (uint64_t page = 0; page < pages.count; page += per_walk) {
    uint64_t *leaves = leaf(table, address, pages.level);
    for (uint64_t index = 0; index < per_walk; index++) {
      sum += leaves[index];
      leaves[index] = 0;
    }
    address += per_walk << shift(pages.level);
  }
  return sum;
}

void floor_protect(
    const floor_table *table, floor_pages pages, uint64_t bits, uint64_t per_walk) {
  uint64_t address = pages.start;
  for (uint64_t page = 0; page < pages.count; page += per_walk) {
    uint64_t *leaves = leaf(table, address, pages.level);
    for (uint64_t index = 0; index < per_walk; index++) leaves[index] &= ~bits;
    address += per_walk << shift(pages.level);
  }
}

uint64_t floor_query(const floor_table *table, floor_pages pages) {
  uint64_t sum = 0;
  for (uint64_t page = 0; page < pages.count; page++) {
    sum += *leaf(table, pages.start + (page << 12), 1) & address_bits;
  }
  return sum;
}

uint64_t floor_query_random(
    const floor_table *table, uint64_t start, uint64_t mask, uint64_t queries) {
  uint64_t sum = 0;
  uint64_t state = 0x9e3779b97f4a7c15;
  for (uint64_t query = 0; query < queries; query++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    sum += *leaf(table, start + ((state & mask) << 12), 1) & address_bits;
  }
  return sum;
}

uint64_t floor_area4(floor_table *table, uint64_t start, uint64_t entry, uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; round++) {
    uint64_t slot = round & 8191;
    floor_pages pages = {start + (slot << 15), 4, 1};
    floor_map(table, pages, entry + (slot << 14), 4);
    sum += floor_unmap(table, pages, 4);
  }
  return sum;
}

uint64_t wrong_leaves(const floor_table *table, floor_pages pages, uint64_t entry) {
  uint64_t wrong = 0;
  for (uint64_t page = 0; page < pages.count; page++) {
    uint64_t address = pages.start + (page << shift(pages.level));
    uint64_t expected = entry + (page << shift(pages.level));
    uint64_t *table_entries = entries(table, table->root);
    int level = 4;
    uint64_t found;
    // Present and writable, for nobody but the kernel, not executable nowhere, no leaf.
    while (found = table_entries[index_of(address, level)],
           level > pages.level && (found & 0x8000000000000087) == 3) {
      table_entries = entries(table, found);
      level--;
    }
    if (level != pages.level || found != expected) wrong++;
  }
  return wrong;
}
