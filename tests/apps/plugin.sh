#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# protoc-gen-hermod under protoc, and alone: what it writes, what its user is told, its exit status.
#
#   plugin.sh PLUGIN PROTOC VERSION
set -eu

plugin=$(realpath -- "$1")
protoc=$2
version=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
	printf 'plugin: %s\n' "$*" >&2
	[ ! -f said ] || cat said >&2
	exit 1
}

# run STATUS COMMAND...: its exit status; what it says is in the file said
run() {
	expected=$1
	shift
	status=0
	"$@" >said 2>&1 || status=$?
	[ "$status" -eq "$expected" ] || fail "exit status $status instead of $expected: $*"
}

says() {
	grep -qF -- "$1" said || fail "does not say: $1"
}

# hermod STATUS PARAMETERS FILE...
hermod() {
	expected=$1 parameters=$2
	shift 2
	run "$expected" "$protoc" "--plugin=protoc-gen-hermod=$plugin" "--hermod_out=$parameters:." "$@"
}

run 0 "$plugin" --version
[ "$(cat said)" = "protoc-gen-hermod $version" ] || fail "another version than $version"
run 0 "$plugin" --help
for parameter in first=ID after=FILE.proto name.X=NAME skip=X; do
	says "  $parameter "
done
says '  control=X, no_influence=X, auto_respond.X=FUNCTION'
run 2 "$plugin" --hlep
says 'usage: protoc '

# Alone: nothing to do, bytes that are no request, an answer that cannot be written.
run 0 "$plugin" </dev/null
printf 'no request' >bytes
run 1 "$plugin" <bytes
says 'protoc-gen-hermod: the request has bytes that are no CodeGeneratorRequest'
run 1 sh -c "\"$plugin\" </dev/null >/dev/full"
says 'protoc-gen-hermod: cannot write the answer'
run 1 "$plugin" <.
says 'protoc-gen-hermod: cannot read the request'

mkdir -p shop/v1
cat >shop/v1/orders.proto <<'TEXT'
syntax = "proto3";
package shop.v1;
message Order {
	optional string symbol = 1; // of which protoc asks whether the plugin knows it
	map<string, int32> notes = 2;
}
service Clerk {
	rpc Buy(Order) returns (stream Order);
}
TEXT
cat >last.proto <<'TEXT'
syntax = "proto2";
import "shop/v1/orders.proto";
message Last {
	extensions 100 to 200;
	optional shop.v1.Order order = 1;
}
TEXT

hermod 1 '' shop/v1/orders.proto
says '--hermod_out: shop/v1/orders.proto: rpc shop.v1.Clerk.Buy is a stream'
[ ! -e shop/v1/orders.hm.h ] || fail 'writes in spite of an error'
hermod 0 skip=shop.v1.Clerk shop/v1/orders.proto last.proto
grep -qF 'HM_MESSAGES(shop_v1_orders, HM_TYPE_USER, ' shop/v1/orders.hm.h || fail 'no ids from HM_TYPE_USER on'
grep -qF 'HM_MESSAGES(last, shop_v1_orders_end, ' last.hm.h || fail 'ids that do not follow'
cp last.hm.h together.h
# Each for itself, the second behind the first: the same.
hermod 0 after=shop/v1/orders.proto last.proto
cmp last.hm.h together.h || fail 'another header by after='
# In any order: what is imported comes first.
hermod 0 skip=shop.v1.Clerk last.proto shop/v1/orders.proto
cmp last.hm.h together.h || fail 'another header by the order of files'
hermod 0 after=shop/v1/orders.proto,control=Last,auto_respond.Last=answer_last last.proto
grep -qF 'last__descriptor, (HM_CONTROL HM_AUTO_RESPOND(answer_last)))' last.hm.h || fail 'no attributes'
hermod 1 control=Lost,auto_respond.Last=1 last.proto
says 'auto_respond.Last=1: '"'1'"' is no identifier of C'
says 'control=Lost: no message that is written is called Lost, or lies in it'
hermod 1 first=70000,skip=shop.v1.Clark last.proto
says 'first=70000: the first type id is a number from 256 to 65535'
says 'skip=shop.v1.Clark: no package, message, service or rpc is called shop.v1.Clark'

# As many messages as there are ids, and one more.
{
	printf 'syntax = "proto3"; package many;\n'
	seq 256 65535 | sed 's/.*/message M& {}/'
} >many.proto
hermod 0 '' many.proto
[ "$(grep -c 'HM_MESSAGE(many_M' many.hm.h)" -eq 65280 ] || fail 'not all of the messages'
hermod 1 first=257 many.proto
says 'many.proto: its 65280 messages have ids from 257 to 65536, but 65535 is the last'
