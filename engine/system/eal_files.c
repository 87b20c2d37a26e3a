/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that EAL keeps while a process runs, and what may be wrong with their folder.
 *
 * EAL maps these files and writes into them. On a file system that is full this raises SIGBUS, and a
 * file that another process has locked ends in an error without an errno. So both are looked at first.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <rte_errno.h>

#include "options_pvt.h"

/* Configuration and tables of memory zones and of hugepages; and 64 bytes for each page of 4 KiB. */
#define FILES_BYTES          (4ull << 20)
#define FILES_BYTES_MEGABYTE (16ull << 10)

/* Where EAL keeps them: the same variables in the same order as in EAL. */
static const char *
runtime_root(void)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");

	if (folder != NULL)
		return folder;
	if (getuid() == 0)
		return "/var/run";
	folder = getenv("XDG_RUNTIME_DIR");
	return folder != NULL ? folder : "/tmp";
}

/* Make the folder if need be. Returns 0 or an errno. */
static int
folder_make(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return errno;
	return access(path, W_OK | X_OK) == 0 ? 0 : errno;
}

/* Whether the folder can be made and has room. Returns 0 or an errno. */
static int
folder_check(char path[PATH_MAX], const char *prefix, uint64_t bytes)
{
	const char *root = runtime_root();
	struct statvfs fs;
	int rc;

	if (snprintf(path, PATH_MAX, "%s/dpdk", root) >= PATH_MAX)
		return ENAMETOOLONG;
	rc = folder_make(path);
	if (rc == 0) {
		if (snprintf(path, PATH_MAX, "%s/dpdk/%s", root, prefix) >= PATH_MAX)
			return ENAMETOOLONG;
		rc = folder_make(path);
	}
	if (rc != 0)
		return rc;
	if (statvfs(path, &fs) != 0)
		return errno;
	return (uint64_t)fs.f_bavail * fs.f_frsize >= bytes ? 0 : ENOSPC;
}

/* The process that keeps the prefix's configuration locked; 0 if there is none. */
static pid_t
prefix_owner(const char *folder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	pid_t owner = 0;
	int fd;

	if (snprintf(path, sizeof(path), "%s/config", folder) >= (int)sizeof(path))
		return 0;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		owner = lock.l_pid;
	close(fd);
	return owner;
}

bool
hmi_eal_files_usable(void)
{
	char path[PATH_MAX];

	/* The folder of the default prefix, which is EAL's even where no file is kept: telemetry's sockets. */
	return folder_check(path, "rte", 0) == 0;
}

int
hmi_eal_files_check(const char *prefix, unsigned long megabytes, bool is_primary)
{
	char path[PATH_MAX];
	int rc = folder_check(path, prefix, FILES_BYTES + megabytes * FILES_BYTES_MEGABYTE);
	pid_t owner;

	if (rc == ENOSPC) {
		fprintf(stderr,
			"hermod: no room for EAL's files in %s, where %llu KiB are needed: free some, keep "
			"none by --in-memory, or choose another folder by RUNTIME_DIRECTORY=FOLDER\n",
			path, (FILES_BYTES + megabytes * FILES_BYTES_MEGABYTE) >> 10);
		return -ENOSPC;
	}
	if (rc != 0) {
		fprintf(stderr,
			"hermod: EAL cannot keep files in %s: %s; keep none by --in-memory, or choose "
			"another folder by RUNTIME_DIRECTORY=FOLDER\n",
			path, rte_strerror(rc));
		return -rc;
	}
	owner = is_primary ? prefix_owner(path) : 0;
	if (owner == 0)
		return 0;
	fprintf(stderr,
		"hermod: process %ld uses EAL's file prefix '%s' already: give another one by "
		"--file-prefix=NAME, or share no files by --in-memory\n",
		(long)owner, prefix);
	return -EBUSY;
}
