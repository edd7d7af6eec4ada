/* The C client against the ensemble: its interface, and across the death of a leader. Arguments: servers, scenario. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

enum { SESSION_MS = 10000, PATIENCE_MS = 20000, EVENTS_MAX = 64, TEXT_MAX = 512 };

static const char *servers;
static jmp_buf broken;
static char why[TEXT_MAX];

/* --- what laws are checked with ---------------------------------------------------------------------------------- */

static void broke(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(why, sizeof why, format, values);
  va_end(values);
  longjmp(broken, 1);
}

#define THAT(claim, ...) do { if (!(claim)) broke(__VA_ARGS__); } while (0)
#define CODE(expected, call) do { int code_ = (call); THAT(code_ == (expected), "%s: expected %s, got %s", #call, zerror(expected), zerror(code_)); } while (0)

static void law(const char *name, void (*body)(void)) {
  if (setjmp(broken) == 0) {
    body();
    printf("ok %s\n", name);
  } else {
    printf("failed %s\t%s\n", name, why);
  }
  fflush(stdout);
}

static void wish(const char *what) {
  char answer[16];
  printf("please %s\n", what);
  fflush(stdout);
  THAT(fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "done\n") == 0, "the stage does not do it");
}

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

#define EVENTUALLY(claim) do { long deadline_ = now_ms() + PATIENCE_MS; while (!(claim)) { THAT(now_ms() < deadline_, "never came true: %s", #claim); usleep(20000); } } while (0)

/* --- events ------------------------------------------------------------------------------------------------------ */

static pthread_mutex_t events_lock = PTHREAD_MUTEX_INITIALIZER;
static struct { int type; char path[TEXT_MAX]; } events[EVENTS_MAX];
static int events_count;

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *context) {
  (void)handle; (void)state; (void)context;
  if (type == ZOO_SESSION_EVENT) return;
  pthread_mutex_lock(&events_lock);
  if (events_count < EVENTS_MAX) {
    events[events_count].type = type;
    snprintf(events[events_count].path, TEXT_MAX, "%s", path);
    events_count++;
  }
  pthread_mutex_unlock(&events_lock);
}

static int count_events(void) {
  pthread_mutex_lock(&events_lock);
  int count = events_count;
  pthread_mutex_unlock(&events_lock);
  return count;
}

static void expect_event(int number, int type, const char *path) {
  EVENTUALLY(count_events() > number);
  THAT(events[number].type == type && strcmp(events[number].path, path) == 0, "event %d: type %d on %s, got %d on %s",
       number, type, path, events[number].type, events[number].path);
}

static zhandle_t *connect_to(const char *to) {
  zhandle_t *handle = zookeeper_init(to, NULL, SESSION_MS, NULL, NULL, 0);
  THAT(handle != NULL, "no handle");
  EVENTUALLY(zoo_state(handle) == ZOO_CONNECTED_STATE);
  return handle;
}

static int create(zhandle_t *handle, const char *path, const char *value, int mode, char *made) {
  char unwanted[TEXT_MAX];
  int length = value == NULL ? -1 : (int)strlen(value);
  return zoo_create(handle, path, value, length, &ZOO_OPEN_ACL_UNSAFE, mode, made == NULL ? unwanted : made, TEXT_MAX);
}

static int set(zhandle_t *handle, const char *path, const char *value, int version, struct Stat *stat) {
  return zoo_set2(handle, path, value, (int)strlen(value), version, stat);
}

/* --- the interface ----------------------------------------------------------------------------------------------- */

static void nodes(void) {
  zhandle_t *handle = connect_to(servers);
  char made[TEXT_MAX], data[TEXT_MAX];
  int length = TEXT_MAX;
  struct Stat stat;
  CODE(ZOK, create(handle, "/c", "one", ZOO_PERSISTENT, made));
  THAT(strcmp(made, "/c") == 0, "path %s", made);
  CODE(ZNODEEXISTS, create(handle, "/c", NULL, ZOO_PERSISTENT, NULL));
  CODE(ZNONODE, create(handle, "/none/child", NULL, ZOO_PERSISTENT, NULL));
  CODE(ZOK, set(handle, "/c", "two", 0, &stat));
  THAT(stat.version == 1, "version %d", stat.version);
  CODE(ZBADVERSION, set(handle, "/c", "x", 0, NULL));
  CODE(ZOK, zoo_get(handle, "/c", 0, data, &length, &stat));
  THAT(length == 3 && memcmp(data, "two", 3) == 0, "data of length %d", length);
  CODE(ZOK, create(handle, "/c/n-", NULL, ZOO_PERSISTENT_SEQUENTIAL, made));
  THAT(strcmp(made, "/c/n-0000000000") == 0, "sequential %s", made);
  length = TEXT_MAX;
  CODE(ZOK, zoo_get(handle, made, 0, data, &length, &stat));
  THAT(length == -1, "null data stays null, not of length %d", length);
  CODE(ZNOTEMPTY, zoo_delete(handle, "/c", -1));
  CODE(ZOK, zoo_delete(handle, made, -1));
  CODE(ZOK, create(handle, "/c/n-", NULL, ZOO_EPHEMERAL_SEQUENTIAL, made));
  THAT(strcmp(made, "/c/n-0000000001") == 0, "sequential %s", made);
  struct String_vector children;
  CODE(ZOK, zoo_get_children2(handle, "/c", 0, &children, &stat));
  THAT(children.count == 1 && stat.numChildren == 1, "%d children", children.count);
  deallocate_String_vector(&children);
  CODE(ZOK, create(handle, "/c/container", NULL, ZOO_CONTAINER, made));
  CODE(ZOK, zoo_create_ttl(handle, "/c/ttl", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 300, made, TEXT_MAX));
  EVENTUALLY(zoo_exists(handle, "/c/ttl", 0, NULL) == ZNONODE);
  length = TEXT_MAX;
  CODE(ZOK, zoo_getconfig(handle, 0, data, &length, NULL));
  THAT(length > 0 && memmem(data, (size_t)length, "server.1=", 9) != NULL, "the configuration names server 1");
  CODE(ZOK, zookeeper_close(handle));
}

static void watches(void) {
  zhandle_t *handle = connect_to(servers);
  events_count = 0;
  CODE(ZNONODE, zoo_wexists(handle, "/watched", on_event, NULL, NULL));
  CODE(ZOK, create(handle, "/watched", NULL, ZOO_PERSISTENT, NULL));
  expect_event(0, ZOO_CREATED_EVENT, "/watched");
  char data[TEXT_MAX];
  int length = TEXT_MAX;
  CODE(ZOK, zoo_wget(handle, "/watched", on_event, NULL, data, &length, NULL));
  CODE(ZOK, set(handle, "/watched", "1", -1, NULL));
  expect_event(1, ZOO_CHANGED_EVENT, "/watched");
  CODE(ZOK, set(handle, "/watched", "2", -1, NULL));
  struct String_vector children;
  CODE(ZOK, zoo_wget_children(handle, "/watched", on_event, NULL, &children));
  deallocate_String_vector(&children);
  CODE(ZOK, create(handle, "/watched/child", NULL, ZOO_EPHEMERAL, NULL));
  expect_event(2, ZOO_CHILD_EVENT, "/watched");
  CODE(ZOK, zoo_delete(handle, "/watched/child", -1));
  length = TEXT_MAX;
  CODE(ZOK, zoo_wget(handle, "/watched", on_event, NULL, data, &length, NULL));
  CODE(ZOK, zoo_remove_watches(handle, "/watched", ZWATCHTYPE_DATA, on_event, NULL, 0));
  length = TEXT_MAX;
  CODE(ZOK, zoo_wget(handle, "/watched", on_event, NULL, data, &length, NULL));
  CODE(ZOK, zoo_delete(handle, "/watched", -1));
  /* Removing a watch is an event as well for the one who removed it. */
  EVENTUALLY(count_events() > 3 && events[events_count - 1].type == ZOO_DELETED_EVENT);
  CODE(ZNOWATCHER, zoo_remove_watches(handle, "/watched", ZWATCHTYPE_DATA, on_event, NULL, 0));
  CODE(ZOK, zookeeper_close(handle));
}

static void transactions(void) {
  zhandle_t *handle = connect_to(servers);
  char made[TEXT_MAX];
  struct Stat stat;
  zoo_op_t good[3];
  zoo_op_result_t results[3];
  zoo_create_op_init(&good[0], "/multi", "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, made, sizeof made);
  zoo_set_op_init(&good[1], "/multi", "2", 1, 0, &stat);
  zoo_check_op_init(&good[2], "/multi", 1);
  CODE(ZOK, zoo_multi(handle, 3, good, results));
  THAT(strcmp(made, "/multi") == 0 && stat.version == 1, "made %s, version %d", made, stat.version);
  zoo_op_t bad[3];
  zoo_set_op_init(&bad[0], "/multi", "3", 1, -1, &stat);
  zoo_check_op_init(&bad[1], "/multi", 9);
  zoo_delete_op_init(&bad[2], "/multi", -1);
  CODE(ZBADVERSION, zoo_multi(handle, 3, bad, results));
  THAT(results[0].err == ZOK && results[1].err == ZBADVERSION && results[2].err == ZRUNTIMEINCONSISTENCY,
       "results %d %d %d", results[0].err, results[1].err, results[2].err);
  char data[TEXT_MAX];
  int length = TEXT_MAX;
  CODE(ZOK, zoo_get(handle, "/multi", 0, data, &length, NULL));
  THAT(length == 1 && data[0] == '2', "nothing of the failed one remains");
  CODE(ZOK, zookeeper_close(handle));
}

static volatile int synced;

static void on_sync(int code, const char *path, const void *context) {
  (void)code; (void)path; (void)context;
  synced = 1;
}

/* Waits until the member of this connection knows what other members' clients have done. */
static void catch_up(zhandle_t *handle) {
  synced = 0;
  CODE(ZOK, zoo_async(handle, "/", on_sync, NULL));
  EVENTUALLY(synced);
}

static volatile int auth_code;

static void on_auth(int code, const void *context) {
  (void)context;
  auth_code = code;
}

static void access_lists(void) {
  zhandle_t *owner = connect_to(servers);
  zhandle_t *stranger = connect_to(servers);
  char data[TEXT_MAX];
  int length = TEXT_MAX;
  auth_code = 1;
  CODE(ZOK, zoo_add_auth(owner, "digest", "ana:secret", 10, on_auth, NULL));
  EVENTUALLY(auth_code == ZOK);
  CODE(ZOK, zoo_create(owner, "/private", "mine", 4, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0));
  catch_up(stranger);
  CODE(ZNOAUTH, zoo_get(stranger, "/private", 0, data, &length, NULL));
  length = TEXT_MAX;
  CODE(ZOK, zoo_get(owner, "/private", 0, data, &length, NULL));
  struct ACL_vector list;
  struct Stat stat;
  CODE(ZOK, zoo_get_acl(owner, "/private", &list, &stat));
  THAT(list.count == 1 && strcmp(list.data[0].id.scheme, "digest") == 0, "the list holds the digest");
  deallocate_ACL_vector(&list);
  CODE(ZOK, zoo_set_acl(owner, "/private", 0, &ZOO_READ_ACL_UNSAFE));
  catch_up(stranger);
  length = TEXT_MAX;
  CODE(ZOK, zoo_get(stranger, "/private", 0, data, &length, NULL));
  CODE(ZNOAUTH, set(stranger, "/private", "x", -1, NULL));
  CODE(ZOK, zookeeper_close(owner));
  CODE(ZOK, zookeeper_close(stranger));
}

/* --- fail-over --------------------------------------------------------------------------------------------------- */

#define AGAIN(code, call) do { (code) = (call); if ((code) == ZCONNECTIONLOSS || (code) == ZINVALIDSTATE || (code) == ZOPERATIONTIMEOUT) usleep(20000); else break; } while (1)

static void leader_dies(void) {
  zhandle_t *watcher = connect_to(servers);
  zhandle_t *writer = connect_to(servers);
  int code;
  char value[16], data[TEXT_MAX];
  int length;
  struct Stat stat;
  events_count = 0;
  CODE(ZOK, create(watcher, "/alive", NULL, ZOO_EPHEMERAL, NULL));
  CODE(ZNONODE, zoo_wexists(watcher, "/later", on_event, NULL, NULL));
  CODE(ZOK, create(writer, "/written", "0", ZOO_PERSISTENT, NULL));
  for (int i = 1; i <= 300; i++) {
    if (i == 100) wish("kill-leader");
    snprintf(value, sizeof value, "%d", i);
    AGAIN(code, set(writer, "/written", value, i - 1, NULL));
    if (code == ZBADVERSION) { /* settled by reading: the write whose reply was lost took effect */
      length = TEXT_MAX;
      AGAIN(code, zoo_get(writer, "/written", 0, data, &length, NULL));
      THAT(code == ZOK && length == (int)strlen(value) && memcmp(data, value, (size_t)length) == 0, "lost at %d", i);
    }
    CODE(ZOK, code);
  }
  AGAIN(code, create(writer, "/later", NULL, ZOO_PERSISTENT, NULL));
  THAT(code == ZOK || code == ZNODEEXISTS, "create: %s", zerror(code));
  expect_event(0, ZOO_CREATED_EVENT, "/later");
  wish("restore");
  length = TEXT_MAX;
  AGAIN(code, zoo_get(writer, "/written", 0, data, &length, &stat));
  THAT(code == ZOK && length == 3 && memcmp(data, "300", 3) == 0 && stat.version == 300, "at the end version %d", stat.version);
  AGAIN(code, zoo_exists(writer, "/alive", 0, &stat));
  CODE(ZOK, code);
  THAT(stat.ephemeralOwner == zoo_client_id(watcher)->client_id, "the ephemeral is still its session's");
  CODE(ZOK, zookeeper_close(watcher));
  EVENTUALLY(zoo_exists(writer, "/alive", 0, &stat) == ZNONODE);
  CODE(ZOK, zookeeper_close(writer));
}

/* --- members of other kinds -------------------------------------------------------------------------------------- */

static void read_only(void) {
  zhandle_t *handle = connect_to(servers);
  CODE(ZOK, create(handle, "/read-only", "kept", ZOO_PERSISTENT, NULL));
  zookeeper_close(handle);

  wish("lose-quorum");
  handle = zookeeper_init(servers, NULL, SESSION_MS, NULL, NULL, ZOO_READONLY);
  THAT(handle != NULL, "no handle");
  EVENTUALLY(zoo_state(handle) == ZOO_READONLY_STATE);
  char data[TEXT_MAX];
  int length = TEXT_MAX;
  CODE(ZOK, zoo_get(handle, "/read-only", 0, data, &length, NULL));
  THAT(length == 4 && memcmp(data, "kept", 4) == 0, "data of length %d", length);
  CODE(ZNOTREADONLY, create(handle, "/written-at-last", NULL, ZOO_PERSISTENT, NULL));
  CODE(ZNOTREADONLY, set(handle, "/read-only", "other", -1, NULL));

  wish("restore");
  EVENTUALLY(zoo_state(handle) == ZOO_CONNECTED_STATE);
  CODE(ZOK, create(handle, "/written-at-last", NULL, ZOO_PERSISTENT, NULL));
  zookeeper_close(handle);
}

static void sasl_demanded(void) {
  zhandle_t *handle = connect_to(servers);
  CODE(ZSESSIONCLOSEDREQUIRESASLAUTH, create(handle, "/unproved", NULL, ZOO_PERSISTENT, NULL));
  zookeeper_close(handle);
}

int main(int count, char **values) {
  if (count != 3) return 2;
  servers = values[1];
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  if (strcmp(values[2], "interface") == 0) {
    law("create, read, write and delete answer with the right data, versions and errors", nodes);
    law("watches of existence, data and children fire once each, and can be removed", watches);
    law("a multi is all or nothing", transactions);
    law("digest ACLs keep strangers out and let the owner in", access_lists);
  } else if (strcmp(values[2], "failover") == 0) {
    law("a watch and an ephemeral outlive the leader, and no acknowledged write is lost", leader_dies);
  } else if (strcmp(values[2], "read-only") == 0) {
    law("a member without a quorum serves reads, refuses writes, and serves all again once there is one", read_only);
  } else if (strcmp(values[2], "sasl-demanded") == 0) {
    law("a client that does not prove itself where SASL is demanded is told so", sasl_demanded);
  } else {
    return 2;
  }
  printf("end\n");
  return 0;
}
