# SPDX-License-Identifier: Apache-2.0
# Count test cases in meson's testlog.json, which holds one JSON object a line for each program.
#
# A Criterion program reports its cases as TAP, and each is counted; any other program is one case.
# A program that ends badly without a case to blame (it crashed, ran out of time, leaked) counts as
# one failed case. With -v filtered=1 the cases that a pattern left out are not counted.
# What failed says so again at the end, where it is seen, with its first lines.
#
# Exit status: 0: all passed; 1: some failed, or there was none.

# What a program wrote, the value of KEY in a line of JSON; the quotes within are escaped.
function written(line, key,    at) {
	at = index(line, "\"" key "\": \"")
	if (at == 0)
		return ""
	line = substr(line, at + length(key) + 5)
	gsub(/\\\\/, "\001", line)
	gsub(/\\"/, "\002", line)
	sub(/".*/, "", line)
	gsub(/\\t/, " ", line)
	return line
}

function readable(line) {
	gsub(/\001/, "\\", line)
	gsub(/\002/, "\"", line)
	return substr(line, 1, 240)
}

# The last lines of a text, for the case that is blamed last.
function quote_end(text,    n, line, i) {
	n = split(text, line, /\\n/)
	for (i = n > 12 ? n - 12 : 1; i <= n; i++)
		if (line[i] != "")
			said[blames] = said[blames] "\n    " readable(line[i])
}

{
	name = $0
	sub(/^{"name": "/, "", name)
	sub(/".*/, "", name)
	sub(/^[^:]*:/, "", name)
	result = $0
	sub(/.*, "result": "/, "", result)
	sub(/".*/, "", result)

	bad = good = left = 0
	text = written($0, "stdout")
	if (text ~ /TAP version/) {
		n = split(text, line, /\\n/)
		lines = 0
		for (i = 1; i <= n; i++) {
			if (line[i] ~ /^not ok /) {
				bad++
				what = line[i]
				sub(/^not ok [- ]*/, "", what)
				blame[++blames] = name ": " readable(what)
				lines = 12
			} else if (line[i] ~ /^ok .*# SKIP/) {
				if (!filtered || line[i] !~ /# SKIP test was skipped/)
					left++
				lines = 0
			} else if (line[i] ~ /^ok /) {
				good++
				lines = 0
			} else if (lines-- > 0 && line[i] != "") {
				said[blames] = said[blames] "\n    " readable(line[i])
			}
		}
	} else if (result == "OK" || result == "EXPECTEDFAIL") {
		good = 1
	} else if (result == "SKIP") {
		left = 1
	}
	if (result != "OK" && result != "EXPECTEDFAIL" && result != "SKIP") {
		if (bad == 0) {
			bad = 1
			blame[++blames] = name ": " tolower(result)
			quote_end(text)
		}
		quote_end(written($0, "stderr"))
	}
	passed += good
	failed += bad
	skipped += left
}

END {
	for (i = 1; i <= blames; i++)
		print "failed: " blame[i] said[i]
	if (passed + failed + skipped == 0)
		print "no test ran: a pattern is part of the name of a program or of a case"
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0 || passed + skipped == 0
}
