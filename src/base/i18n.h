/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a person reads goes through gettext; the journal's field values and D-Bus strings that programs compare do not. */

#include <libintl.h>

#define _(text) gettext(text)
#define N_(text) (text)
