/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a mail says (N3), in the language of the job. Knows the facts of a payload and nothing else: neither ledger
 * nor server. */

#include "mail-facts.h"

typedef struct MailText {
        char *subject, *text, *html;
        char *file_name;                /* the staged list; NULL if there is none */
        const char *file_type;
        void *file;
        size_t file_size;
        const char *language;           /* of the text as it came out, e.g. "de"; static */
} MailText;

/**
 * mail_text_setup() - find the translations; call once in main(), after setlocale()
 * @locale_dir: NULL for LOCALEDIR
 */
void mail_text_setup(const char *locale_dir);

/**
 * mail_text_set_language() - for the mails composed from now on
 * @language: Language= of the job, "de" or "de_DE"; NULL for the system's ($LC_ALL, $LC_MESSAGES, $LANG)
 *
 * Switches LANGUAGE and LC_MESSAGES of the whole process. Needs no generated locale, only our catalog; without one
 * for that language the text is English. Errors: -ENOMEM.
 */
int mail_text_set_language(const char *language);

/**
 * mail_text_compose() - Errors: -ENOMEM; -EBADMSG if the list in the payload is damaged.
 * @with_list: attach the list; without it the mail says where the list is
 *
 * The list is attached as CSV up to MAIL_TEXT_PLAIN_MAX, compressed above it.
 */
int mail_text_compose(const MailFacts *f, bool with_list, MailText *ret);
#define MAIL_TEXT_PLAIN_MAX (512U * 1024U)
void mail_text_done(MailText *t);
#define _cleanup_mail_text_ _cleanup_(mail_text_done)
