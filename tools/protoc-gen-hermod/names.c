/* SPDX-License-Identifier: Apache-2.0 */
#include "names_pvt.h"

#include <string.h>

/* Not those of ctype.h, which follow the user's language. */
static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_word(char c)
{
	return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z') || c == '_';
}

bool
hmp_is_identifier(const char *name, size_t length)
{
	if (length == 0 || is_digit(name[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_word(name[i]))
			return false;
	return true;
}

bool
hmp_is_full_name(const char *name)
{
	for (;;) {
		size_t length = strcspn(name, ".");

		if (!hmp_is_identifier(name, length))
			return false;
		if (name[length] == '\0')
			return true;
		name += length + 1;
	}
}

bool
hmp_is_keyword(const char *name)
{
	static const char *const keywords[] = {
		/* C11 */
		"auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
		"enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
		"restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef",
		"union", "unsigned", "void", "volatile", "while", "_Alignas", "_Alignof", "_Atomic", "_Bool",
		"_Complex", "_Generic", "_Imaginary", "_Noreturn", "_Static_assert", "_Thread_local",
		/* headers of C, and C23 */
		"bool", "true", "false", "static_assert", "thread_local", "alignas", "alignof", "constexpr",
		"nullptr", "typeof", "typeof_unqual", "asm",
		/* C++ */
		"and", "and_eq", "atomic_cancel", "atomic_commit", "atomic_noexcept", "bitand", "bitor",
		"catch", "char8_t", "char16_t", "char32_t", "class", "co_await", "co_return", "co_yield",
		"compl", "concept", "const_cast", "consteval", "constinit", "decltype", "delete",
		"dynamic_cast", "explicit", "export", "friend", "mutable", "namespace", "new", "noexcept",
		"not", "not_eq", "operator", "or", "or_eq", "private", "protected", "public",
		"reinterpret_cast", "requires", "static_cast", "synchronized", "template", "this", "throw",
		"try", "typeid", "typename", "using", "virtual", "wchar_t", "xor", "xor_eq"
	};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strcmp(name, keywords[i]) == 0)
			return true;
	return false;
}

bool
hmp_is_reserved(const char *name)
{
	return strcmp(name, "hm") == 0 || strcmp(name, "HM") == 0 || strncmp(name, "hm_", 3) == 0 ||
	       strncmp(name, "HM_", 3) == 0 || strncmp(name, "hmi_", 4) == 0 || strncmp(name, "HMI_", 4) == 0;
}

bool
hmp_is_path(const char *path)
{
	if (path[0] == '\0')
		return false;
	for (const char *c = path; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || strchr("\"\\*?", *c) != NULL)
			return false;
	return true;
}

/* As protobuf-c, whose header has the same stem. */
static size_t
stem_length(const char *path)
{
	static const char *const suffixes[] = { ".protodevel", ".proto" };
	size_t length = strlen(path);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t end = strlen(suffixes[i]);

		if (length > end && strcmp(path + length - end, suffixes[i]) == 0)
			return length - end;
	}
	return length;
}

const char *
hmp_path_stem(struct hmp_memory *memory, const char *path)
{
	return hmp_copy(memory, path, stem_length(path));
}

const char *
hmp_path_identifier(struct hmp_memory *memory, const char *path)
{
	size_t length = stem_length(path), before = is_digit(path[0]) ? 1 : 0;
	char *name = hmp_alloc(memory, before + length + 1, 1);

	memset(name, '_', before);
	for (size_t i = 0; i < length; i++)
		name[before + i] = path[i];
	for (size_t i = 0; i < length; i++)
		if (!is_word(path[i]))
			name[before + i] = '_';
	return name;
}

/* Each dot becomes two underscores; underscores between words are left out, and what follows them is a capital letter. */
const char *
hmp_protobuf_c_type(struct hmp_memory *memory, const char *full)
{
	char *type = hmp_alloc(memory, 2 * strlen(full) + 1, 1), *to = type;
	bool is_first = true;

	for (const char *c = full; *c != '\0'; c++) {
		if (*c == '.') {
			*to++ = '_';
			*to++ = '_';
		} else if (*c != '_') {
			*to++ = is_first && *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
		}
		is_first = *c == '.' || *c == '_';
	}
	return type;
}

/* Each dot becomes two underscores, and a capital letter that does not follow another one begins a word. */
const char *
hmp_protobuf_c_lower(struct hmp_memory *memory, const char *full)
{
	char *lower = hmp_alloc(memory, 2 * strlen(full) + 1, 1), *to = lower;
	bool was_upper = true;

	for (const char *c = full; *c != '\0'; c++) {
		if (*c == '.') {
			*to++ = '_';
			*to++ = '_';
		} else if (is_upper(*c)) {
			if (!was_upper)
				*to++ = '_';
			*to++ = (char)(*c - 'A' + 'a');
		} else {
			*to++ = *c;
		}
		was_upper = is_upper(*c) || *c == '.';
	}
	return lower;
}
