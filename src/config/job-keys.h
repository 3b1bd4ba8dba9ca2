/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tables of all keys of job files and of reprieve.conf, for the loader and for whoever documents or completes them.
 * What [Source] and [Target] take besides depends on the connector: connector-keys.h. [Map …] take any attribute. */

#include "config-key.h"

/** job_config_keys() - the keys of JobConfig in the order of documentation */
const ConfigKey *job_config_keys(size_t *ret_n);

/** mail_config_keys() - the keys of [Mail], which fill a MailConfig */
const ConfigKey *mail_config_keys(size_t *ret_n);
