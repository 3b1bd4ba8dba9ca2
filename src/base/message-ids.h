/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kinds of event that an administrator acts on. Each has its text in data/reprieve.catalog; a test compares. */

#define REPRIEVE_MESSAGE_CYCLE_STARTED "0dd9824d01ab44c6ad1b970c82a44434" /* cycle started */
#define REPRIEVE_MESSAGE_CYCLE_FINISHED "fcade1cae6a441ff87480c7d9ee39fff" /* cycle finished */
#define REPRIEVE_MESSAGE_CYCLE_FAILED "33c912fafb124e56a96565831f6100d4" /* cycle failed */
#define REPRIEVE_MESSAGE_GUARD_TRIPPED "1c2f700a62154a728a8941787bb0af2c" /* guard tripped */
#define REPRIEVE_MESSAGE_OBJECT_STAGED "d1f33854880047f5bca83f1a91815433" /* object staged */
#define REPRIEVE_MESSAGE_OBJECT_HEALED "4b5b913fcdab4d08b801d3b091146b65" /* object healed */
#define REPRIEVE_MESSAGE_REVIEW_ALLOWED "853b1181966c417e87dbec100210769c" /* review allowed */
#define REPRIEVE_MESSAGE_REVIEW_REJECTED "d093619d72c64649a2dd7d615564951a" /* review rejected */
#define REPRIEVE_MESSAGE_HOLD_PLACED "52a26b0ee4254ec882a6a18ed5a94e3e" /* hold placed */
#define REPRIEVE_MESSAGE_HOLD_RELEASED "4a240bcd1e3343d3a30dfea7e1ca4e32" /* hold released */
#define REPRIEVE_MESSAGE_QUARANTINE_ENTERED "90fc4fa36fec42779ef55e9bf893a9af" /* quarantine entered */
#define REPRIEVE_MESSAGE_QUARANTINE_LIFTED "53f62388855b4a6bb032a272bad6d020" /* quarantine lifted */
#define REPRIEVE_MESSAGE_JOB_DISABLED "bf89cc7924b54ad6bb3428a2fd234ae9" /* job disabled */
#define REPRIEVE_MESSAGE_NOTIFICATION_SENT "118c4cb319204f09941c374c05247673" /* notification sent */
#define REPRIEVE_MESSAGE_NOTIFICATION_FAILING "95e3c3c5a8c34d13aa7dd8a9643379ed" /* notification failing */
#define REPRIEVE_MESSAGE_CONFIGURATION_CHANGED "85a4f4c74379416c85e0117fe0144c59" /* configuration changed */
#define REPRIEVE_MESSAGE_CONFIGURATION_REFUSED "c1bed91c544f4496b1f1f51948f618c6" /* configuration refused */
#define REPRIEVE_MESSAGE_GUARD_PASSED "85da2290fdb14d83a9b56e441a84b5e0" /* the guard's verdict, when it passes */
#define REPRIEVE_MESSAGE_CHANGE_FAILED "5a49f6ab4f5e4fa5b0889ee3436ee448" /* a change that the target refused */
#define REPRIEVE_MESSAGE_RECORD_INVALID "42143cdd744f4dc3a80f1cb606e998af" /* a source record that cannot be used */
#define REPRIEVE_MESSAGE_READING_INCOMPLETE "c426f31864194ca1981a9d28f6a3a726" /* a source that could not be read whole */
#define REPRIEVE_MESSAGE_ACCESS_REFUSED "f757d177fcfa489f8254cc08729ddc87" /* a caller who was not allowed */
#define REPRIEVE_MESSAGE_JOURNAL_LIMIT "8c9890c0b8b641c6af6cde17f8ab093f" /* more entries than JournalLimit= in one cycle */
#define REPRIEVE_MESSAGE_CHANGE_RECOVERED "d7e79043023c468c845fd85ab3095ddf" /* a change found done after an interrupted cycle */
#define REPRIEVE_MESSAGE_NOTIFICATION_NOBODY "6597a8053ef8453a90ae5f87aa3e20c8" /* protected, but nobody is notified */
#define REPRIEVE_MESSAGE_ASSIGNED_GROUP_MISSING "1f71558c37bb469c8259589d736684f1" /* Assigned= names a group that is not there */
#define REPRIEVE_MESSAGE_GROUP_LOSS "75286d0d883c4ac4b912acab6d5bccc1" /* a group loses all of its members, or a large share */
#define REPRIEVE_MESSAGE_APPROVAL_EXPIRED "cc0435ad1c174b3d85aa3fb271a0d82c" /* approval expired */
#define REPRIEVE_MESSAGE_REFERENCE_UNRESOLVED "d6d20f31a9594bd8a8b88d80ece0c8ac" /* a reference to nobody in the target */
