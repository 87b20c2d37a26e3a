/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans as JSON: an ExportTraceServiceRequest of OpenTelemetry's protocol, OTLP, by its rules for JSON: ids are hexadecimal,
 * numbers of 64 bits are texts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "hm_system.h"
#include "hm_type.h"
#include "hm_version.h"
#include "tracing_pvt.h"

#define KIND_CONSUMER 5
#define STATUS_ERROR  2
/* A name of a type, or a service, that is longer is cut. */
#define TEXT_BYTES 256u

/* Takes what is not UTF-8 as well: bytes that are not ASCII become question marks. */
static json_t *
text_of(const char *text)
{
	json_t *string = json_string(text);
	char plain[TEXT_BYTES];
	size_t i;

	if (string != NULL)
		return string;
	for (i = 0; i < sizeof(plain) - 1 && text[i] != '\0'; i++)
		plain[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
	plain[i] = '\0';
	return json_string(plain);
}

static json_t *
number_of(const char *format, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), format, number);
	return json_string(text);
}

static json_t *
trace_of(const struct hmi_trace *trace)
{
	char text[40];

	snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, trace->trace[0], trace->trace[1]);
	return json_string(text);
}

/* Takes `value` over. */
static void
attribute_add(json_t *attributes, const char *key, const char *kind, json_t *value)
{
	json_array_append_new(attributes, json_pack("{s:s, s:{s:o}}", "key", key, "value", kind, value));
}

static void
attribute_text(json_t *attributes, const char *key, const char *text)
{
	attribute_add(attributes, key, "stringValue", text_of(text));
}

static json_t *
attributes_of(const struct hmi_span_origin *origin, const struct hmi_span *span)
{
	json_t *attributes = json_array();
	char pid[HM_PID_TEXT_SIZE];

	attribute_text(attributes, "messaging.system", "hermod");
	attribute_text(attributes, "hermod.message.type", hm_type_name(origin->sys, span->type));
	attribute_text(attributes, "hermod.actor.pid", hm_pid_format(span->actor, pid));
	if (span->path[0] != '\0')
		attribute_text(attributes, "hermod.actor.path", span->path);
	if (!hm_pid_is_none(span->sender))
		attribute_text(attributes, "hermod.sender.pid", hm_pid_format(span->sender, pid));
	attribute_add(attributes, "hermod.lcore", "intValue", number_of("%" PRIu64, span->lcore_index));
	return attributes;
}

static json_t *
span_of(const struct hmi_span_origin *origin, const struct hmi_span *span)
{
	char name[TEXT_BYTES];
	json_t *json = json_object();

	snprintf(name, sizeof(name), "receive %s", hm_type_name(origin->sys, span->type));
	json_object_set_new(json, "traceId", trace_of(&span->own));
	json_object_set_new(json, "spanId", number_of("%016" PRIx64, span->own.span));
	if (span->parent != 0)
		json_object_set_new(json, "parentSpanId", number_of("%016" PRIx64, span->parent));
	json_object_set_new(json, "name", text_of(name));
	json_object_set_new(json, "kind", json_integer(KIND_CONSUMER));
	json_object_set_new(json, "startTimeUnixNano",
			    number_of("%" PRIu64, origin->epoch_ns + span->began_ns));
	json_object_set_new(json, "endTimeUnixNano",
			    number_of("%" PRIu64, origin->epoch_ns + span->ended_ns));
	json_object_set_new(json, "attributes", attributes_of(origin, span));
	if (span->has_failed)
		json_object_set_new(json, "status",
				    json_pack("{s:i, s:o}", "code", STATUS_ERROR, "message",
					      text_of(span->reason)));
	return json;
}

static json_t *
resource_of(const struct hmi_span_origin *origin)
{
	json_t *attributes = json_array();

	attribute_text(attributes, "service.name",
		       origin->service != NULL ? origin->service : hm_system_name(origin->sys));
	attribute_add(attributes, "service.instance.id", "stringValue",
		      number_of("%016" PRIx64, hm_system_node(origin->sys)));
	return json_pack("{s:o}", "attributes", attributes);
}

int
hmi_otlp_write(const struct hmi_span_origin *origin, const struct hmi_span *spans, uint32_t count,
	       char **json)
{
	json_t *list = json_array(), *document;

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(list, span_of(origin, &spans[i]));
	document = json_pack("{s:[{s:o, s:[{s:{s:s, s:s}, s:o}]}]}", "resourceSpans", "resource",
			     resource_of(origin), "scopeSpans", "scope", "name", "hermod", "version",
			     hm_version(), "spans", list);
	*json = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
	json_decref(document);
	return *json != NULL ? 0 : -ENOMEM;
}
