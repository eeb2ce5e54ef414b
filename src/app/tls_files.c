#include "app/tls_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES 3

/* What a file was when it was read. */
struct stamp {
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct bl_tls_files {
    struct bl_tls_config config;
    struct bl_tls_context *context;
    struct stamp stamps[FILES];
};

static void stamp_all(const struct bl_tls_files *files, struct stamp stamps[FILES]) {
    const char *const paths[FILES] = {files->config.certificate_file, files->config.key_file,
                                      files->config.client_ca_file};
    struct stat status;

    memset(stamps, 0, FILES * sizeof(*stamps)); /* also what is padded: they are compared whole */
    for (int i = 0; i < FILES; i++) {
        if (paths[i] != NULL && stat(paths[i], &status) == 0) {
            stamps[i].inode = status.st_ino;
            stamps[i].size = status.st_size;
            stamps[i].modified = status.st_mtim;
            stamps[i].changed = status.st_ctim;
        }
    }
}

bl_result bl_tls_files_create(const struct bl_config *config, struct bl_tls_files **out,
                              struct bl_diag *diag) {
    struct bl_tls_files *files = calloc(1, sizeof(*files));

    if (files == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    files->config = (struct bl_tls_config){
        .certificate_file = config->http.tls_certificate_file.data,
        .key_file = config->http.tls_key_file.data,
        .client_ca_file = config->http.tls_client_ca_file.data,
        .clients = (enum bl_tls_clients)config->http.tls_client_certificates,
    };
    stamp_all(files, files->stamps);
    bl_result result = bl_tls_context_create(&files->config, &files->context, diag);
    if (bl_is_error(result)) {
        free(files);
        return result;
    }
    *out = files;
    return BL_OK;
}

void bl_tls_files_destroy(struct bl_tls_files *files) {
    if (files != NULL) {
        bl_tls_context_release(files->context);
        free(files);
    }
}

bl_result bl_tls_files_look(struct bl_tls_files *files, bool *changed, struct bl_diag *diag) {
    struct stamp stamps[FILES];
    struct bl_tls_context *context;

    *changed = false;
    stamp_all(files, stamps);
    if (memcmp(stamps, files->stamps, sizeof(stamps)) == 0) {
        return BL_OK;
    }
    memcpy(files->stamps, stamps, sizeof(stamps));
    BL_TRY(bl_tls_context_create(&files->config, &context, diag));
    bl_tls_context_release(files->context);
    files->context = context;
    *changed = true;
    return BL_OK;
}

struct bl_tls_context *bl_tls_files_context(const struct bl_tls_files *files) {
    return files->context;
}
