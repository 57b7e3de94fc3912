/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* queens.c - how many ways to put N queens on a board, and the first of them; N is the argument.
 * Counted twice: with bits, and by plain recursion over columns.
 *
 * run: 4
 * run: 8
 * run: 9
 * run: 3
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE_MAX_QUEENS = 12 };

static uint32_t count_by_bits(uint32_t all, uint32_t columns, uint32_t left, uint32_t right)
{
    if (columns == all) return 1;
    uint32_t count = 0;
    for (uint32_t free = all & ~(columns | left | right); free != 0; free &= free - 1) {
        uint32_t bit = free & (0u - free);
        count += count_by_bits(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return count;
}

static bool is_free(const int *queen, int row, int column)
{
    for (int i = 0; i < row; i++)
        if (queen[i] == column || abs(queen[i] - column) == row - i) return false;
    return true;
}

static uint32_t place(int *queen, int row, int size, int *first)
{
    if (row == size) {
        for (int i = 0; first[0] < 0 && i < size; i++) first[size - 1 - i] = queen[size - 1 - i];
        return 1;
    }
    uint32_t count = 0;
    for (int column = 0; column < size; column++) {
        if (!is_free(queen, row, column)) continue;
        queen[row] = column;
        count += place(queen, row + 1, size, first);
    }
    return count;
}

int main(int argc, char **argv)
{
    int size = argc > 1 ? atoi(argv[1]) : 6;
    if (size < 1 || size > SIZE_MAX_QUEENS) return 2;
    int queen[SIZE_MAX_QUEENS], first[SIZE_MAX_QUEENS] = {-1};
    uint32_t counted = count_by_bits((1u << size) - 1, 0, 0, 0),
             placed = place(queen, 0, size, first);
    printf("%d queens: %u ways, %u ways\n", size, (unsigned)counted, (unsigned)placed);
    for (int row = 0; placed > 0 && row < size; row++) {
        for (int column = 0; column < size; column++) putchar(first[row] == column ? 'Q' : '.');
        putchar('\n');
    }
    return counted == placed ? 0 : 1;
}
