/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A short document that is written twice at once: as plain text and as HTML. Values may hold anything; they become
 * text in both, never markup, and no control or direction character survives. Knows nothing of what it says. */

#include "macro.h"
#include "cleanup.h"

/* How the mail's head looks. */
typedef enum MailTone {
        MAIL_TONE_DECIDE,               /* somebody has to decide */
        MAIL_TONE_TROUBLE,
        MAIL_TONE_GOOD,
        MAIL_TONE_PLAIN,
} MailTone;

typedef struct MailDoc MailDoc;

/** mail_doc_new() - @language: "de", for the HTML's lang=; @label stands small above @title. NULL for OOM. */
MailDoc *mail_doc_new(const char *language, MailTone tone, const char *label, const char *title);
MailDoc *mail_doc_free(MailDoc *d);
DEFINE_CLEANUP(MailDoc *, mail_doc_free)

/* Errors stick until mail_doc_finish(). */
void mail_doc_paragraph(MailDoc *d, const char *fmt, ...) _printf_(2, 3);
void mail_doc_heading(MailDoc *d, const char *text);
/** mail_doc_fact() - a labelled value; those in a row make one list */
void mail_doc_fact(MailDoc *d, const char *label, const char *fmt, ...) _printf_(3, 4);
/** mail_doc_row() - @cells of one table row, the table's first being its header; rows in a row with the same number
 * of cells make one table. @numbers: bit i: column i is right aligned. */
void mail_doc_row(MailDoc *d, size_t n, const char *const cells[], unsigned numbers);
/** mail_doc_command() - what to type, and what it is for */
void mail_doc_command(MailDoc *d, const char *label, const char *command);
/** mail_doc_footer() - last, small */
void mail_doc_footer(MailDoc *d, const char *fmt, ...) _printf_(2, 3);

/** mail_doc_finish() - Errors: -ENOMEM. */
int mail_doc_finish(MailDoc *d, char **ret_text, char **ret_html);

/** mail_doc_clean() - one line of valid UTF-8 without control and direction characters, cut to @max characters with
 * "…"; NULL for OOM */
char *mail_doc_clean(const char *s, size_t max);
