# SPDX-License-Identifier: BSD-2-Clause
#
# Prints what the trace lacks: $trace are its lines, $rows is what the probe said it has to have
# (tests/tracer/probe/probe.c), $ring whether requests of io_uring have to be there. Its path is
# /probe. tests/tracer/test_completeness.c compares by the same rules.

def of_real: ["dir", "deleted", "foreign", "mounted"];
def words: if . == "-" then [] else split(",") end;

($trace | map(select(.op)) | group_by([.op, .path])
	| map({ key: "\(.[0].op) \(.[0].path)", value: . }) | from_entries) as $events
| $rows | split("\n")[] | select(. != "") | split("\t")
| . as [$row, $outcome, $through, $op, $path, $real, $flags, $errno]
| ($real | startswith("?")) as $maybe
| if $outcome == "skipped" or ($through == "io_uring" and $ring != "yes") then
	empty
elif $outcome != "done" then
	"row \($row) is \($outcome): \($errno)"
else
	select(any($events["\($op) \($path)"] // [] | .[];
		(.errno // "-") == $errno and .exe == "/probe" and
		if $maybe and .real == null then
			(.flags // []) == (($flags | words) - of_real)
		else
			($real == "*" or (.real // "-") == ($real | ltrimstr("?"))) and
			(.flags // []) == ($flags | words)
		end) | not)
	| "row \($row): no event: \($op) \($path) real \($real), flags \($flags), errno \($errno);"
		+ " there is \($trace | map(select(.path == $path and .op == $op)))"
end
