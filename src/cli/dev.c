/* beamline dev: everything one needs to try a router, in a temporary folder. */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <fcntl.h>
#include <getopt.h>
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

#include "app/router.h"
#include "cli/command.h"
#include "cli/router_options.h"

#define PORT_WAIT_MS 10000

static const char help[] =
    "Usage: beamline dev [--port PORT] [--http-port PORT] [--policies FOLDER]\n"
    "\n"
    "Starts a NATS server, a router in the dev profile and sample policies in a temporary folder.\n"
    "Nothing has to be configured. Ctrl-C ends all of it and removes the folder.\n"
    "\n"
    "  -p, --port PORT        port of the NATS server (default: 4222, or a free one if taken)\n"
    "      --http-port PORT   port for HTTP and gRPC (default: 9000, or a free one if taken);\n"
    "                         operators' listener: the next one, or a free one\n"
    "      --policies FOLDER  your policies, <tenant>/<policy>.yaml, instead of the samples\n"
    "      --nats-server FILE the server's binary (default: $BEAMLINE_NATS_SERVER, the one that\n"
    "                         tools/bootstrap unpacked, or nats-server on the path)\n"
    "\n"
    "Then, in another shell\n"
    "  beamline decide --tenant demo --explain\n"
    "  curl -d '{\"tenant_id\":\"demo\",\"message\":{}}' localhost:9000/api/v1/routes/decide\n";

/* What a newcomer sees first: a policy with the common parts, each explained. */
static const char sample_policy[] =
    "# Edit me: changes go live within a second.\n"
    "version: \"1.0\"\n"
    "providers:                # weights are shares; 70 : 30\n"
    "  - {name: \"openai/gpt-4o\", weight: 70, label: GPT-4o, tags: {region: us},\n"
    "     expect: {latency_ms: 850, cost: 0.012}}\n"
    "  - {name: \"anthropic/sonnet\", weight: 30, label: Sonnet, tags: {region: eu},\n"
    "     expect: {latency_ms: 900, cost: 0.010}}\n"
    "  - {name: \"local/llama\", weight: 0, last_resort: true, tags: {region: eu},\n"
    "     expect: {latency_ms: 2000, cost: 0.001}}\n"
    "rules:\n"
    "  # European data stays in Europe, whatever else is said.\n"
    "  - {when: {metadata.region: eu}, require_tags: {region: eu}}\n"
    "  # Gold customers get the best model.\n"
    "  - {when: {metadata.tier: gold}, prefer: [\"openai/gpt-4o\", \"anthropic/sonnet\"]}\n"
    "# Requests with the same user_id stay with their provider.\n"
    "sticky: {enabled: true, session_key: user_id, ttl: 10m}\n";

struct dev {
    const char *server; /* binary of nats-server */
    const char *policies;
    unsigned port, http_port, ops_port;
    pid_t server_pid;
    char folder[64];
    char url[64];
};

static bool is_executable(const char *path) {
    return path != NULL && path[0] != '\0' && access(path, X_OK) == 0;
}

/* The option, the variable, what tools/bootstrap unpacked beside this build, or the path. */
static const char *find_server(const char *named) {
    static char beside[4096 + 64];
    const char *variable = getenv("BEAMLINE_NATS_SERVER");
    ssize_t len = readlink("/proc/self/exe", beside, 4096);

    if (named != NULL) {
        return named;
    }
    if (is_executable(variable)) {
        return variable;
    }
    /* build/<preset>/beamline → .deps/usr/sbin/nats-server */
    for (int up = 0; len > 0 && up < 3; up++) {
        while (len > 0 && beside[--len] != '/') {
        }
    }
    if (len > 0) {
        memcpy(beside + len, "/.deps/usr/sbin/nats-server", sizeof("/.deps/usr/sbin/nats-server"));
        if (is_executable(beside)) {
            return beside;
        }
    }
    return "nats-server";
}

/* Binds a loopback port for a moment: `port`, or any if 0. Returns it, or 0 if it is taken. */
static unsigned probe_port(unsigned port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof(address);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
                 bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                 getsockname(fd, (struct sockaddr *)&address, &len) == 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    return bound ? ntohs(address.sin_port) : 0;
}

/* `wanted`, of the option, else `usual` or any; 0 and told if there is none. */
static unsigned choose_port(const char *option, unsigned wanted, unsigned usual) {
    unsigned port = probe_port(wanted != 0 ? wanted : usual);

    if (port == 0 && wanted != 0) {
        fprintf(stderr, "beamline dev: port %u is taken; leave --%s out to get a free one\n",
                wanted, option);
        return 0;
    }
    return port != 0 ? port : probe_port(0);
}

static bool choose_ports(struct dev *dev, unsigned port, unsigned http_port) {
    dev->port = choose_port("port", port, 4222);
    dev->http_port = choose_port("http-port", http_port, 9000);
    dev->ops_port = choose_port("http-port", 0, dev->http_port + 1);
    (void)snprintf(dev->url, sizeof(dev->url), "nats://127.0.0.1:%u", dev->port);
    return dev->port != 0 && dev->http_port != 0 && dev->ops_port != 0;
}

static bool write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    bool good = file != NULL && fputs(text, file) >= 0;

    if (file != NULL) {
        good = fclose(file) == 0 && good;
    }
    if (!good) {
        fprintf(stderr, "beamline dev: cannot write %s: %s\n", path, strerror(errno));
    }
    return good;
}

/* <folder>/policies/demo/default.yaml */
static bool make_samples(struct dev *dev) {
    static char policies[128];
    char path[192];
    const char *base = getenv("TMPDIR");

    (void)snprintf(dev->folder, sizeof(dev->folder), "%.32s/beamline-dev-XXXXXX",
                   base != NULL && strlen(base) < 32 ? base : "/tmp");
    if (mkdtemp(dev->folder) == NULL) {
        fprintf(stderr, "beamline dev: cannot make a folder: %s\n", strerror(errno));
        return false;
    }
    if (dev->policies != NULL) {
        return true;
    }
    (void)snprintf(policies, sizeof(policies), "%s/policies", dev->folder);
    (void)snprintf(path, sizeof(path), "%s/demo", policies);
    if (mkdir(policies, 0755) != 0 || mkdir(path, 0755) != 0) {
        fprintf(stderr, "beamline dev: cannot make %s: %s\n", path, strerror(errno));
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s/demo/default.yaml", policies);
    dev->policies = policies;
    return write_file(path, sample_policy);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place) {
    (void)info;
    (void)type;
    (void)place;
    (void)remove(path);
    return 0;
}

/* The folder is this process' own; links in it are removed, not followed. */
static void remove_samples(const struct dev *dev) {
    (void)nftw(dev->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Ctrl-C reaches the whole terminal; the server ends after the router, by its pid. */
static void run_server(const struct dev *dev) {
    char port[16], log[128], store[128];

    (void)snprintf(port, sizeof(port), "%u", dev->port);
    (void)snprintf(log, sizeof(log), "%s/nats-server.log", dev->folder);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, 0);
    (void)snprintf(store, sizeof(store), "%s/jetstream", dev->folder);
    execlp(dev->server, dev->server, "-a", "127.0.0.1", "-p", port, "-l", log, "-js", "-sd", store,
           (char *)NULL);
    fprintf(stderr, "beamline dev: cannot run %s: %s\n", dev->server, strerror(errno));
    _exit(127);
}

static bool answers(unsigned port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    return good;
}

static bool start_server(struct dev *dev) {
    const struct timespec pause = {0, 10 * 1000000L};

    dev->server_pid = fork();
    if (dev->server_pid == 0) {
        run_server(dev);
    }
    for (int waited_ms = 0; dev->server_pid > 0 && waited_ms < PORT_WAIT_MS; waited_ms += 10) {
        int status;
        if (answers(dev->port)) {
            return true;
        }
        if (waitpid(dev->server_pid, &status, WNOHANG) == dev->server_pid) {
            dev->server_pid = 0;
            break;
        }
        (void)nanosleep(&pause, NULL);
    }
    fprintf(stderr,
            "beamline dev: the NATS server %s did not start\n"
            "    hint: tools/bootstrap build unpacks one, or install nats-server\n",
            dev->server);
    return false;
}

static void stop_server(struct dev *dev) {
    if (dev->server_pid > 0) {
        (void)kill(dev->server_pid, SIGTERM);
        while (waitpid(dev->server_pid, NULL, 0) < 0 && errno == EINTR) {
        }
        dev->server_pid = 0;
    }
}

static void on_ready(void *user) {
    const struct dev *dev = user;

    printf("ready\n"
           "  NATS      %s\n"
           "  HTTP      http://127.0.0.1:%u  (HTTP/1.1, HTTP/2 and gRPC)\n"
           "  operators http://127.0.0.1:%u  (/ready, /metrics, administration)\n"
           "  policies  %s\n"
           "  log       %s/router.log\n"
           "\n"
           "Try, in another shell:\n",
           dev->url, dev->http_port, dev->ops_port, dev->policies, dev->folder);
    if (dev->port != 4222) {
        printf("  export BEAMLINE_NATS_URL=%s\n", dev->url);
    }
    printf("  beamline decide --tenant demo --explain\n"
           "  beamline decide --metadata tier=gold --explain\n"
           "  beamline bench --duration 5s\n"
           "  curl -d '{\"tenant_id\":\"demo\",\"message\":{}}' "
           "http://127.0.0.1:%u/api/v1/routes/decide\n"
           "\n"
           "Ctrl-C ends all of it.\n",
           dev->http_port);
    (void)fflush(stdout);
}

static int run_router(struct dev *dev) {
    struct bl_router_arguments arguments;
    struct bl_diag diag;
    char log[128], store[128], http[32], ops[32];

    (void)snprintf(log, sizeof(log), "%s/router.log", dev->folder);
    (void)snprintf(store, sizeof(store), "%s/policies.db", dev->folder);
    (void)snprintf(http, sizeof(http), "127.0.0.1:%u", dev->http_port);
    (void)snprintf(ops, sizeof(ops), "127.0.0.1:%u", dev->ops_port);
    const struct bl_config_override overrides[] = {{"logs", "file", log},
                                                   {"policies", "store", store},
                                                   {"http", "listen", http},
                                                   {"http", "ops_listen", ops}};
    bl_router_arguments_init(&arguments);
    arguments.sources.environment = NULL; /* as it comes out of the box */
    (void)bl_router_arguments_take(&arguments, BL_OPTION_PROFILE, "dev");
    (void)bl_router_arguments_take(&arguments, BL_OPTION_NATS, dev->url);
    (void)bl_router_arguments_take(&arguments, BL_OPTION_POLICIES, dev->policies);
    for (size_t i = 0; i < sizeof(overrides) / sizeof(overrides[0]); i++) {
        arguments.overrides[arguments.sources.override_count++] = overrides[i];
    }
    struct bl_config *config = bl_router_arguments_load(&arguments);
    if (config == NULL) {
        return BL_EXIT_FAILED;
    }
    const struct bl_router_options options = {
        .sources = arguments.sources, .on_ready = on_ready, .user = dev};
    if (bl_is_error(bl_router_run(config, &options, &diag))) {
        fprintf(stderr, "beamline dev: %s\n", diag.message);
        return BL_EXIT_FAILED;
    }
    return BL_EXIT_OK;
}

static bool read_port(const char *text, unsigned *out) {
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (*end != '\0' || port < 1 || port > 65535) {
        fprintf(stderr, "beamline dev: '%s' is not a port\n", text);
        return false;
    }
    *out = (unsigned)port;
    return true;
}

int bl_cli_dev(int argc, char **argv) {
    static const struct option long_options[] = {
        {"port", required_argument, NULL, 'p'},     {"http-port", required_argument, NULL, 'H'},
        {"policies", required_argument, NULL, 'P'}, {"nats-server", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
    };
    struct dev dev = {0};
    const char *server = NULL;
    unsigned port = 0, http_port = 0;
    int option;

    while ((option = getopt_long(argc, argv, "p:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'p':
            if (!read_port(optarg, &port)) {
                return BL_EXIT_USAGE;
            }
            break;
        case 'H':
            if (!read_port(optarg, &http_port)) {
                return BL_EXIT_USAGE;
            }
            break;
        case 'P':
            dev.policies = optarg;
            break;
        case 'n':
            server = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return BL_EXIT_OK;
        default:
            fputs("Try: beamline dev --help\n", stderr);
            return BL_EXIT_USAGE;
        }
    }
    dev.server = find_server(server);
    if (!choose_ports(&dev, port, http_port) || !make_samples(&dev)) {
        return BL_EXIT_FAILED;
    }
    int code = start_server(&dev) ? run_router(&dev) : BL_EXIT_FAILED;
    stop_server(&dev);
    remove_samples(&dev);
    return code;
}
