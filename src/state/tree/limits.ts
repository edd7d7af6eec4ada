// The limits of what commands may bring into the tree, together, each with its reason. The member that serves a client
// refuses what is beyond them before it reaches the log, and `apply` decides the same again: a log written by a member with other
// limits is applied in bounded time too.

/**
 * Entries of one access list, after `auth` was replaced by the requester's identities. Real lists have a handful; a thousand
 * keep every permission check far below a millisecond.
 */
export const ACL_ENTRIES_MAX = 1000;

/** Bytes of one id in an access list. The longest honest ones are certificates' names, of some hundred bytes. */
export const ACL_ID_BYTES_MAX = 1024;

/** Bytes of all schemes and ids of one list: a requester with many identities could turn a few bytes into a megabyte. */
export const ACL_BYTES_MAX = 64 << 10;

/** Bytes of a quota's limits or statistics: four numbers of 20 digits with their names are 130. Writes below the quota parse them. */
export const QUOTA_TEXT_BYTES_MAX = 256;

/** Bytes of each text of a reconfiguration: 255 servers with long names, several addresses and client ports fit. */
export const RECONFIG_TEXT_BYTES_MAX = 64 << 10;
