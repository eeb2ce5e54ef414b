/*
 * A real nats-server for a test: on a free port of its own, with its files in a folder of its own.
 *
 * The program is taken from BL_NATS_SERVER, else from .deps/usr/sbin/nats-server below the current
 * folder or the source folder (tools/bootstrap puts it there). The server dies with the test, also
 * when that crashes. Failures end the test with a message. One thread.
 */
#ifndef BL_TESTS_SUPPORT_NATS_SERVER_H
#define BL_TESTS_SUPPORT_NATS_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct nats_server {
    pid_t pid; /* 0 = not running */
    uint16_t port;
    char folder[64];
    char url[64];
    char
        config[4096]; /* lines of its configuration file besides port and host; read at the start */
};

/* Chooses a port and makes the folder, without starting. `config` (may be NULL) is text for the
 * server's configuration file, such as `authorization { token: "x" }`. */
void nats_server_prepare(struct nats_server *server, const char *config);

/* Starts it, and returns once it accepts connections. After a stop or kill: the same port again. */
void nats_server_start(struct nats_server *server);

/* prepare and start. */
void nats_server_launch(struct nats_server *server, const char *config);

/* SIGTERM or SIGKILL, and waits for its end. No effect when it is not running. */
void nats_server_stop(struct nats_server *server);
void nats_server_kill(struct nats_server *server);

/* SIGSTOP (returns once it stands still) and SIGCONT. */
void nats_server_freeze(struct nats_server *server);
void nats_server_thaw(struct nats_server *server);

/* Stops it if it runs, and removes its folder. */
void nats_server_remove(struct nats_server *server);

#endif
