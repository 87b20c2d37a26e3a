#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# The first process of the machine that numa.sh makes: reserves hugepages by node and runs the tests, once for
# each division. What it prints goes to the console, which numa.sh reads.

/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/hugepages /tmp /run /var
ln -s /run /var/run
mount -t hugetlbfs hugetlbfs /dev/hugepages
ulimit -c 0

# reserve NODE PAGES, of 2 MB
reserve() {
	file=/sys/devices/system/node/node$1/hugepages/hugepages-2048kB/nr_hugepages
	echo "$2" >"$file"
	[ "$(cat "$file")" -eq "$2" ] || echo "numa: node $1 has no $2 hugepages"
}

for pages in '128 128' '128 0' '0 128' '0 0'; do
	reserve 0 "${pages% *}"
	reserve 1 "${pages#* }"
	echo "numa: hugepages: $pages"
	/bin/numa_memory
done
echo 'numa: end'
reboot -f
