/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor sends its samples many in one call, and asks behind them: the answer says that all of them were handled. The
 * recorder gets single samples, and does not know of batches.
 *
 *     sensor ──20 samples, "all?"──▶ recorder ──totals, behind all of them──▶ sensor
 */
#include <inttypes.h>
#include <stdio.h>

#include <hermod.h>

#define SAMPLES 20u
#define BATCHES 3u
#define SECOND  1000000u

struct sample {
	int64_t value;
};

struct totals {
	uint64_t count;
	int64_t sum;
};

/* The type answers: the recorder need not know who waits for what. */
static hm_auto_respond_fn answer_all;

#define MESSAGES(MESSAGE)                                  \
	MESSAGE(record_sample, struct sample)              \
	MESSAGE(record_all, (HM_AUTO_RESPOND(answer_all))) \
	MESSAGE(record_totals, struct totals)
HM_MESSAGES(record, HM_TYPE_USER, MESSAGES);

/* ---- The recorder ------------------------------------------------------------------ */

static void
on_sample(struct hm_ctx *ctx, struct totals *totals, const struct sample *sample)
{
	(void)ctx;
	totals->count++;
	totals->sum += sample->value;
}

static void
answer_all(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)msg;
	(void)record_totals_respond(ctx, state);
}

HM_RECEIVE(recorder_receive, struct totals, HM_ON(record_sample, on_sample));

/* ---- The sensor ------------------------------------------------------------------------ */

struct sensor {
	struct hm_pid recorder;
	uint32_t batch;
};

static void on_totals(struct hm_ctx *ctx, void *state, enum hm_future_result result,
		      const struct hm_msg *reply, void *arg);

static void
batch_send(struct hm_ctx *ctx, struct sensor *sensor)
{
	struct sample samples[SAMPLES];
	uint32_t sent;
	enum hm_result result;

	sensor->batch++;
	for (uint32_t i = 0; i < SAMPLES; i++)
		samples[i] = (struct sample){ 100 * sensor->batch + i };
	/* In order; the first one that is refused ends it, and sent says how many were not. */
	result = record_sample_send_batch(ctx, sensor->recorder, samples, SAMPLES, &sent);
	printf("batch %" PRIu32 ": %" PRIu32 " samples sent\n", sensor->batch, sent);
	if (result != HM_OK || record_all_ask(ctx, sensor->recorder, SECOND, on_totals, NULL) != HM_OK)
		hm_fail(ctx, "no memory for a batch");
}

static void
on_totals(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	const struct totals *totals;
	struct sensor *sensor = state;

	(void)arg;
	if (result != HM_FUTURE_REPLY)
		hm_fail(ctx, hm_future_result_name(result));
	totals = record_totals_body(reply);
	printf("batch %" PRIu32 ": all %" PRIu64 " so far were handled, their average is %.2f\n",
	       sensor->batch, totals->count, (double)totals->sum / (double)totals->count);
	if (sensor->batch < BATCHES)
		batch_send(ctx, sensor);
	else
		hm_stop(ctx, hm_self(ctx));
}

static void
sensor_start(struct hm_ctx *ctx, struct sensor *sensor)
{
	static const struct hm_props recorder = { .receive = recorder_receive,
						  .state_size = sizeof(struct totals) };

	if (hm_spawn(ctx, &recorder, "recorder", NULL, &sensor->recorder) != 0)
		hm_fail(ctx, "no recorder");
	batch_send(ctx, sensor);
}

HM_RECEIVE(sensor_receive, struct sensor, HM_ON_EMPTY(HM_STARTED, sensor_start));

int
main(int argc, char **argv)
{
	static const struct hm_props sensor = { .receive = sensor_receive,
						.state_size = sizeof(struct sensor) };
	static const struct hm_program program = { .prepare = record_register,
						   .props = &sensor,
						   .name = "sensor" };

	return hm_program_run(&program, argc, argv);
}
