/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_FAULT_H
#define HMT_FAULT_H

/**
 * @file
 * Ways in which a receive function goes wrong.
 */

#include <stdint.h>

enum hmt_fault {
	HMT_FAULT_NULL,     /**< SIGSEGV: write to where no memory is */
	HMT_FAULT_CONST,    /**< SIGSEGV: write to memory that may only be read */
	HMT_FAULT_CALL,     /**< SIGSEGV: call where no code is */
	HMT_FAULT_OVERFLOW, /**< SIGSEGV: the stack is used up */
	HMT_FAULT_FILE,     /**< SIGBUS: behind the end of a mapped file */
	HMT_FAULT_DIVIDE,   /**< SIGFPE (on x86-64) */
	HMT_FAULT_TRAP,     /**< SIGILL */
	HMT_FAULT_ABORT,    /**< SIGABRT */
	HMT_FAULTS,
};

/** The signal that it raises. */
int hmt_fault_signal(enum hmt_fault fault);

/** Raise it. Returns only if the machine does not know it, as a division by zero on aarch64. */
void hmt_fault_raise(enum hmt_fault fault);

#endif /* HMT_FAULT_H */
