#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# made-up-sweep.sh DIRECTORY [NAME=VALUE...]: the results of a sweep that was not measured, as a runner
# leaves them: DIRECTORY/sweep.json and DIRECTORY/rows.jsonl. Goodput over a second path's delay and rate;
# mptcp gains where delays are alike, mpip more, but loses where they are not.
#
#   delays=6 rates=4 losses=1   so many values of each axis; one loss: there is no such axis
#   seeds=1-5                   of the runs
#   noise=0.01                  standard deviation of a value, a part of it
#   gain=1                      times what mpip carries
#   draw=1                      the seed of the noise
set -euo pipefail
directory=$1
shift
options=(delays=6 rates=4 losses=1 seeds=1-5 noise=0.01 gain=1 draw=1 "$@")
mkdir -p "$directory"
LC_ALL=C awk -v plan="$directory/sweep.json" -v rows="$directory/rows.jsonl" -v name="${directory##*/}" '
	# of its own, for the same numbers by every awk
	function random() { return (state = state * 16807 % 2147483647) / 2147483647 }
	function normal() { return sqrt(-2 * log(random())) * cos(6.283185307 * random()) }
	function delay(i) { return int(1.5 ^ i + i) }
	function list(n, what,    i, text) {
		for (i = 0; i < n; i++)
			text = text (i ? ", " : "") (what == "delay" ? delay(i) : what == "rate" ? "\"10 + " i "\"" : i)
		return text
	}
	# What a contestant carries in a cell: of the second path less, the more delays differ.
	function goodput(who, d, r, l,    two, gain) {
		two = 2 + 4 * r / (1 + l)
		if (who == "plain-2") return two
		if (who ~ /plain/) return 10
		gain = 1 - (who == "mptcp" ? 0.8 : 1.5) * d / (o["delays"] - 1 + 1e-9)
		return ((two > 10 ? two : 10) + (two > 10 ? 10 : two) * gain) * (who == "mpip" ? o["gain"] : 1)
	}
	function write_plan(    c, s, who) {
		printf("{ \"schema\": 1, \"name\": \"%s\", \"title\": \"Two unequal paths, made up\", \"experiment\": \"unequal\",\n", name) >plan
		printf("  \"axes\": [ { \"name\": \"delay_2\", \"title\": \"One-way delay of path 2\", \"unit\": \"ms\", \"values\": [%s] },\n",
			list(o["delays"], "delay")) >plan
		printf("    { \"name\": \"pair\", \"title\": \"Rates, Mbit/s\", \"unit\": \"\", \"values\": [%s] }", list(o["rates"], "rate")) >plan
		if (o["losses"] > 1)
			printf(",\n    { \"name\": \"loss\", \"title\": \"Loss\", \"unit\": \"%%\", \"values\": [%s] }", list(o["losses"], "loss")) >plan
		printf(" ],\n  \"contestants\": [") >plan
		for (c = 1; c <= contestants; c++) {
			who = contestant[c]
			printf("%s\n    { \"name\": \"%s\", \"plain\": %s, ", c > 1 ? "," : "", who, who ~ /plain/ ? "true" : "false") >plan
			if (who ~ /-/) printf("\"nics\": { \"client\": [\"eth%d\"] }, \"of\": \"plain\" }", substr(who, 7) - 1) >plan
			else printf("\"nics\": null, \"of\": null }") >plan
		}
		printf(" ],\n  \"seeds\": [") >plan
		for (s = first; s <= last; s++) printf("%s%d", s > first ? ", " : "", s) >plan
		printf("],\n  \"measures\": [ { \"name\": \"goodput_mbit\", \"title\": \"Goodput\", \"unit\": \"Mbit/s\", \"better\": \"higher\" },\n") >plan
		printf("    { \"name\": \"gap_ms\", \"title\": \"Longest gap\", \"unit\": \"ms\", \"better\": \"lower\" } ],\n") >plan
		printf("  \"runs\": %d, \"definition\": \"ab12\" }\n",
			o["delays"] * o["rates"] * o["losses"] * contestants * (last - first + 1)) >plan
	}
	function write_row(d, r, l, who, s,    g) {
		g = goodput(who, d, r, l) * exp(o["noise"] * normal())
		printf("{\"run\":\"%016x\",\"cell\":{\"delay_2\":%d,\"pair\":\"10 + %d\"%s},\"contestant\":\"%s\",\"seed\":%d,",
			++run, delay(d), r, o["losses"] > 1 ? ",\"loss\":" l : "", who, s) >rows
		printf("\"definition\":\"ab12\",\"digest\":\"%08x%08x\",\"image\":\"ef56\",\"marks\":[],\"wall_s\":1.2,",
			random() * 2147483647, random() * 2147483647) >rows
		printf("\"measures\":{\"goodput_mbit\":%.6f,\"gap_ms\":%.3f}}\n", g, 1000 / g) >rows
	}
	BEGIN {
		for (i = 1; i < ARGC; i++) {
			split(ARGV[i], pair, "=")
			o[pair[1]] = pair[2]
		}
		state = o["draw"] * 7919 % 2147483646 + 1
		for (i = 0; i < 20; i++) random()
		contestants = split("plain-1 plain-2 plain mptcp mpip", contestant, " ")
		first = o["seeds"] + 0
		last = substr(o["seeds"], index(o["seeds"], "-") + 1) + 0
		write_plan()
		printf("") >rows
		for (d = 0; d < o["delays"]; d++)
			for (r = 0; r < o["rates"]; r++)
				for (l = 0; l < o["losses"]; l++)
					for (c = 1; c <= contestants; c++)
						for (s = first; s <= last; s++) write_row(d, r, l, contestant[c], s)
	}' "${options[@]}"
