/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_VERSION_H
#define HM_VERSION_H

/**
 * @file
 * The version of the headers, for the preprocessor, and of the library that is linked, at run time.
 *
 * Versions follow Semantic Versioning. Until 1.0.0 a new minor version may change the API; the shared
 * library's soname holds major and minor, so a program never runs with another API than it was built for.
 */

#ifdef __cplusplus
extern "C" {
#endif

/** Changes with the API, from 1 on. */
#define HM_VERSION_MAJOR 0
/** Changes with what is added; before 1.0.0, with the API. */
#define HM_VERSION_MINOR 1
/** Changes with what is mended. */
#define HM_VERSION_PATCH 0

/** As text, "major.minor.patch". */
#define HM_VERSION "0.1.0"

/** One number that grows with the version: `#if HM_VERSION_NUMBER >= HM_VERSION_OF(0, 1, 0)`. */
#define HM_VERSION_OF(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
/** That of these headers. */
#define HM_VERSION_NUMBER HM_VERSION_OF(HM_VERSION_MAJOR, HM_VERSION_MINOR, HM_VERSION_PATCH)

/**
 * The version of the library that the program runs with.
 *
 * @return text as HM_VERSION has it; constant, never NULL
 *
 * Context: any thread, before and after any other call. Does not block, allocates nothing.
 * Ownership: the text is the library's, and stays for ever.
 */
const char *hm_version(void);

#ifdef __cplusplus
}
#endif

#endif /* HM_VERSION_H */
