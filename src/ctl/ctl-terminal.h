/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the output goes: how wide, with colours, through a pager, and whether somebody is there to be asked. Knows
 * nothing of what is shown. */

#include <stdbool.h>
#include <stdint.h>

#include "macro.h"

typedef enum CtlColor {
        CTL_COLOR_NORMAL,
        CTL_COLOR_BOLD,
        CTL_COLOR_GREY,
        CTL_COLOR_GREEN,
        CTL_COLOR_YELLOW,
        CTL_COLOR_RED,
} CtlColor;

/** terminal_columns() - $COLUMNS, else what the terminal has; 0: no limit, because nobody looks */
unsigned terminal_columns(void);
/** terminal_is_utf8() - may we print more than ASCII? */
bool terminal_is_utf8(void);
/** color() - the sequence that begins @c, "" without colours ($SYSTEMD_COLORS, $NO_COLOR, $TERM, no terminal) */
const char *color(CtlColor c);

/** pager_open() - if stdout is a terminal, send what follows through $SYSTEMD_PAGER, $PAGER or less */
void pager_open(void);
/** pager_close() - wait until it was read; does nothing without a pager. SIGPIPE is ignored from pager_open() on. */
void pager_close(void);

/** terminal_can_ask() - is there somebody who sees the question and can answer? */
bool terminal_can_ask(void);
/** terminal_ask() - print the question and " [y/N] "; true for a yes */
bool terminal_ask(const char *fmt, ...) _printf_(1, 2);

/** progress_draw() - a bar on stderr, if that is a terminal; @total 0: not known */
void progress_draw(const char *what, uint64_t done, uint64_t total);
void progress_clear(void);

/** agent_open() - let polkit ask for a password in this terminal, where no desktop does (pkttyagent(1)); @wanted: is the
 * service reached by a way on which polkit decides? */
void agent_open(bool wanted);
void agent_close(void);
