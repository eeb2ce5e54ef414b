/* The language as a page: operators, functions and macros with their types, from the table by which
 * expressions are checked. */
#ifndef BL_EXPRESSION_REFERENCE_H
#define BL_EXPRESSION_REFERENCE_H

#include "base/buf.h"

/* Appends Markdown, without a heading. */
void bl_expression_reference_write(struct bl_buf *buf);

#endif
