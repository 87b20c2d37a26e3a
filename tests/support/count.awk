# SPDX-License-Identifier: Apache-2.0
# Count test cases in meson's testlog.json, which holds one JSON object a line for each program.
#
# A Criterion program reports its cases as TAP, and each is counted; any other program is one case.
# A program that ends badly without a case to blame (it crashed, ran out of time, leaked) counts as
# one failed case. With -v filtered=1 the cases that a pattern left out are not counted.
#
# Exit status: 0: all passed; 1: some failed, or there was none.

{
	name = $0
	sub(/^{"name": "/, "", name)
	sub(/".*/, "", name)
	sub(/^[^:]*:/, "", name)
	result = $0
	sub(/.*, "result": "/, "", result)
	sub(/".*/, "", result)

	bad = good = left = 0
	text = $0
	if (text ~ /, "stdout": "[^"]*TAP version/) {
		sub(/.*, "stdout": "/, "", text)
		# The text that follows stdout's closing quote holds no newlines.
		n = split(text, line, /\\n/)
		for (i = 1; i <= n; i++) {
			if (line[i] ~ /^not ok /) {
				bad++
				what = line[i]
				sub(/^not ok [- ]*/, "", what)
				sub(/".*/, "", what)
				blame[++blames] = name ": " what
			} else if (line[i] ~ /^ok .*# SKIP/) {
				if (!filtered || line[i] !~ /# SKIP test was skipped/)
					left++
			} else if (line[i] ~ /^ok /) {
				good++
			}
		}
	} else if (result == "OK" || result == "EXPECTEDFAIL") {
		good = 1
	} else if (result == "SKIP") {
		left = 1
	}
	if (bad == 0 && result != "OK" && result != "EXPECTEDFAIL" && result != "SKIP") {
		bad = 1
		blame[++blames] = name ": " tolower(result)
	}
	passed += good
	failed += bad
	skipped += left
}

END {
	for (i = 1; i <= blames; i++)
		print "failed: " blame[i]
	if (passed + failed + skipped == 0)
		print "no test ran: a pattern is part of the name of a program or of a case"
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0 || passed + skipped == 0
}
