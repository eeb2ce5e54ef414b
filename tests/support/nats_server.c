#include "support/nats_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TIMEOUT_S 20

static void fail(const char *what) {
    fprintf(stderr, "nats_server: %s: %s\n", what, strerror(errno));
    abort();
}

static const char *program(void) {
    const char *from_environment = getenv("BL_NATS_SERVER");
    if (from_environment != NULL && from_environment[0] != '\0') {
        return from_environment;
    }
    static char path[4096];
    const char *source = getenv("BL_SOURCE_DIR");
    snprintf(path, sizeof(path), "%s/.deps/usr/sbin/nats-server", source != NULL ? source : ".");
    if (access(path, X_OK) != 0) {
        fprintf(stderr, "nats_server: no %s: run 'tools/bootstrap test' or set BL_NATS_SERVER\n",
                path);
        abort();
    }
    return path;
}

/* A port that was free a moment ago. The range from which the kernel gives ports to outgoing
 * connections is avoided by asking it for a listening one; another test may still take it, then
 * the start fails and the test says so. */
static uint16_t free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        fail("no free port");
    }
    close(fd);
    return ntohs(address.sin_port);
}

static void write_config(const struct nats_server *server) {
    char path[128];
    snprintf(path, sizeof(path), "%s/server.conf", server->folder);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fail(path);
    }
    fprintf(file, "host: 127.0.0.1\nport: %u\nlog_file: \"%s/server.log\"\n", server->port,
            server->folder);
    fprintf(file, "jetstream { store_dir: \"%s/store\" }\n%s\n", server->folder, server->config);
    if (fclose(file) != 0) {
        fail(path);
    }
}

void nats_server_prepare(struct nats_server *server, const char *config) {
    memset(server, 0, sizeof(*server));
    snprintf(server->config, sizeof(server->config), "%s", config != NULL ? config : "");
    snprintf(server->folder, sizeof(server->folder), "/tmp/bl-nats-XXXXXX");
    if (mkdtemp(server->folder) == NULL) {
        fail("no folder below /tmp");
    }
    server->port = free_port();
    snprintf(server->url, sizeof(server->url), "nats://127.0.0.1:%u", server->port);
}

static void run_child(const struct nats_server *server, const char *path) {
    char config[128];
    snprintf(config, sizeof(config), "%s/server.conf", server->folder);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
    }
    execl(path, path, "-c", config, (char *)NULL);
    _exit(127);
}

static bool accepts(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    char info[5] = {0};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_up = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                 recv(fd, info, 4, MSG_WAITALL) == 4 && memcmp(info, "INFO", 4) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return is_up;
}

void nats_server_start(struct nats_server *server) {
    const char *path = program();
    write_config(server);
    server->pid = fork();
    if (server->pid < 0) {
        fail("fork");
    }
    if (server->pid == 0) {
        run_child(server, path);
    }
    time_t give_up = time(NULL) + START_TIMEOUT_S;
    while (!accepts(server->port)) {
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid || time(NULL) > give_up) {
            fprintf(stderr, "nats_server: %s did not start: see %s/server.log\n", path,
                    server->folder);
            abort();
        }
        poll(NULL, 0, 5);
    }
}

void nats_server_launch(struct nats_server *server, const char *config) {
    nats_server_prepare(server, config);
    nats_server_start(server);
}

static void end(struct nats_server *server, int signal_number) {
    if (server->pid == 0) {
        return;
    }
    kill(server->pid, signal_number);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    server->pid = 0;
}

void nats_server_stop(struct nats_server *server) {
    end(server, SIGTERM);
}

void nats_server_kill(struct nats_server *server) {
    end(server, SIGKILL);
}

void nats_server_freeze(struct nats_server *server) {
    kill(server->pid, SIGSTOP);
    while (waitpid(server->pid, NULL, WUNTRACED) < 0 && errno == EINTR) {
    }
}

void nats_server_thaw(struct nats_server *server) {
    kill(server->pid, SIGCONT);
}

static int remove_entry(const char *path, const struct stat *facts, int type, struct FTW *place) {
    (void)facts;
    (void)type;
    (void)place;
    return remove(path);
}

void nats_server_remove(struct nats_server *server) {
    nats_server_kill(server);
    nftw(server->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
