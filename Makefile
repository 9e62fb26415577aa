# Builds Highland: the Swift package and boot/*.asm become build/highland.elf, which becomes
# build/highland.iso. `make help` lists what can be asked for.

define HELP
make run      build Highland and boot it in QEMU, its serial line on this terminal
make test     check the style, build the ISO image, run every test
make test-full
              the same on every machine of the matrix, and in Bochs: what continuous integration runs
make iso      build build/highland.iso, which boots by BIOS and by UEFI, as a CD and as a disk
make usb      write it to the USB stick that DEVICE names, and read it back
make screenshot
              boot in QEMU on screens of 1920x1080 and 640x480 pixels, and keep what they show in
              build/highland.png and build/highland-640x480.png
make bench    measure: page tables on this host, against C that does no more than it must; booting
              and operations in the guest, in instructions
make fuzz     feed all parsers and allocators what libFuzzer makes up, SECONDS for each
make plan     say what Highland would do on the machine whose memory map is in MAP
make coverage say how many lines of the floors below Kernel the tests on this host run
make lint     check the style of the Swift sources
make format   put the Swift sources in that style
make clean    remove all that was built
make help     show this

What is missing is installed first, where apt-get can. Settings, with what holds without them:

CMDLINE=      the kernel's command line, for run and iso; quotes group words, a backslash makes the
              next character plain: make run CMDLINE='exit note="two words"'
MEMORY=512M   the machine's memory
CPU=          QEMU's processor model: max, or host where ACCEL=kvm
MACHINE=q35   QEMU's machine type: q35 or pc
FIRMWARE=bios or uefi
VIDEO=        the screen that GRUB leaves: text, or a mode as 1024x768x32; without it, pixels, as many
              as the screen likes best
MENU=5        seconds that the menu of iso and usb waits; run boots at once, as MENU=0 does
DEVICE=       for usb: the whole disk to write to, /dev/sdX
FORCE=        for usb: FORCE=1 writes to a disk that does not call itself removable, too
ACCEL=tcg     or kvm: faster on some hosts, very much slower on others
SECONDS=60    for fuzz: how long for each of its targets
MAP=          for plan: a memory map or a Linux boot log, - for standard input, or a directory
LA57=1 PDPE1GB=1 PHYSBITS=52
              for plan: five paging levels, 1 GiB pages, physical address bits
V=            V=1 shows the output of the Swift build
endef

CMDLINE =
MEMORY = 512M
CPU =
MACHINE = q35
FIRMWARE = bios
VIDEO =
MENU := $(if $(filter run,$(MAKECMDGOALS)),0,5)
DEVICE =
FORCE =
ACCEL = tcg
SECONDS = 60
MAP =
LA57 = 1
PDPE1GB = 1
PHYSBITS = 52
V =

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: run test test-full iso screenshot usb bench fuzz plan coverage lint format clean help FORCE

# The scripts read the settings from their environment, as they were typed: `value` keeps make from
# expanding them, and no shell ever reads them as a command.
SETTINGS := CMDLINE MEMORY CPU MACHINE FIRMWARE VIDEO MENU DEVICE FORCE ACCEL SECONDS MAP LA57 PDPE1GB PHYSBITS
unexport $(SETTINGS)
$(foreach setting,$(SETTINGS),$(eval export HIGHLAND_$(setting) := $$(value $(setting))))

# What set-up has to provide for this run's goals.
NEEDS := $(if $(filter-out fuzz plan coverage lint format,$(MAKECMDGOALS)),iso) \
  $(if $(filter run test test-full bench screenshot,$(MAKECMDGOALS)),qemu) \
  $(if $(filter test test-full,$(MAKECMDGOALS))$(filter uefi,$(HIGHLAND_FIRMWARE)),ovmf) \
  $(if $(filter test-full,$(MAKECMDGOALS)),bochs)

# Directories are listed with their files: they change when a file comes or goes.
SWIFT_SOURCES := Package.swift boot/toolset.json $(shell find Sources ! -name '.*')
OBJECTS := $(patsubst boot/%.asm,build/%.o,$(wildcard boot/*.asm))

help:
	@: $(info $(HELP))

run: build/highland.iso
	@iso/run.sh $<

# Tests that have more to do read HIGHLAND_FULL.
test-full: export HIGHLAND_FULL = 1
test test-full: lint build/highland.iso
	@echo '  TEST   swift test'
	@swift test
	@echo 'All tests passed.'

iso: build/highland.iso

usb: build/highland.iso
	@iso/make-usb.sh $<

screenshot: build/highland.png build/highland-640x480.png

build/highland.png build/highland-640x480.png: build/highland.elf FORCE
	@echo '  SHOT   $@'
	@iso/screenshot.sh $< $(if $(findstring 640,$@),640x480x32,1920x1080x32) $@

bench: build/highland.iso
	@echo '  BENCH  build/bench.json build/bench.svg'
	@swift build -c release -Xswiftc -enable-experimental-feature -Xswiftc Embedded \
	  -Xswiftc -wmo --product Bench \
	  $(if $V,,>build/swift.log 2>&1 || \
	  { cat build/swift.log >&2; exit 1; })
	@Tests/Bench/run.sh build/highland.elf $<

fuzz: build/toolchain
	@Tests/Fuzz/run.sh

plan: build/toolchain
	@swift build --product Plan </dev/null $(if $V,>&2,>build/swift.log 2>&1 || \
	  { cat build/swift.log >&2; exit 1; })
	@.build/debug/Plan MAP="$$HIGHLAND_MAP" LA57="$$HIGHLAND_LA57" \
	  PDPE1GB="$$HIGHLAND_PDPE1GB" PHYSBITS="$$HIGHLAND_PHYSBITS"

coverage: build/toolchain
	@echo '  COVER  Sources'
	@V=$V Tests/Coverage/coverage.sh

lint: build/toolchain
	@echo '  LINT   Package.swift Sources Tests'
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests

format: build/toolchain
	@swift format --in-place --parallel --recursive Package.swift Sources Tests

clean:
	@rm -rf build .build

build/toolchain: FORCE
	@boot/setup.sh $(NEEDS)

# The archive goes first: SwiftPM adds to it, and would keep the object of a source that is gone.
build/libKernel.a: $(SWIFT_SOURCES) build/toolchain Makefile
	@echo '  SWIFT  Kernel'
	@rm -f .build/x86_64-unknown-none-elf/release/libKernel.a
	@swift build -c release --triple x86_64-unknown-none-elf --toolset boot/toolset.json \
	  --product Kernel $(if $V,,>build/swift.log 2>&1 || { cat build/swift.log >&2; exit 1; })
	@cp .build/x86_64-unknown-none-elf/release/libKernel.a $@

build/%.o: boot/%.asm $(wildcard boot/*.inc) build/toolchain Makefile
	@echo '  NASM   $<'
	@nasm -f elf64 -I boot/ -I build/ -Wall -Werror -o $@ $<

build/font.o: build/font.inc

build/font.inc: boot/font.awk boot/font.txt build/toolchain
	@echo '  FONT   boot/font.txt'
	@awk -f boot/font.awk boot/font.txt >$@

# All of the archive goes in, since nobody names the self tests; what nothing reaches goes out again.
LINK = "$$tools/ld.lld" -T boot/kernel.ld --gc-sections --build-id=none --orphan-handling=error \
  -z noexecstack

# Linked once to see where the functions lie, and again with their names: boot/symbols.sh.
build/nameless.elf: boot boot/kernel.ld $(OBJECTS) build/libKernel.a Makefile
	@tools=$$(head -n 1 build/toolchain) && \
	$(LINK) -o $@ $(OBJECTS) --whole-archive build/libKernel.a

build/symbols.inc: build/nameless.elf boot/symbols.sh
	@echo '  NAMES  $<'
	@boot/symbols.sh $< "$$(head -n 1 build/toolchain)" >$@

build/names.o: boot/symbols.asm build/symbols.inc
	@nasm -f elf64 -I build/ -Wall -Werror -DWITH_NAMES -o $@ $<

build/highland.elf: build/nameless.elf build/names.o boot/check-image.sh
	@echo '  LD     $@'
	@tools=$$(head -n 1 build/toolchain) && \
	$(LINK) -o $@ $(filter-out build/symbols.o,$(OBJECTS)) build/names.o \
	  --whole-archive build/libKernel.a && \
	boot/check-image.sh $@ "$$tools/llvm-nm" $<

# Rewritten only when the settings differ from those of the image built last.
build/settings: build/toolchain FORCE
	@printf '%s\n' "$$HIGHLAND_CMDLINE" "$$HIGHLAND_VIDEO" "$$HIGHLAND_MENU" | cmp -s - $@ || \
	  printf '%s\n' "$$HIGHLAND_CMDLINE" "$$HIGHLAND_VIDEO" "$$HIGHLAND_MENU" >$@

build/highland.iso: build/highland.elf build/settings iso/make-iso.sh
	@echo '  ISO    $@'
	@iso/make-iso.sh $@ $<
	@symbol() { "$$(head -n 1 build/toolchain)/llvm-nm" $< | sed -n "s/^\([0-9a-f]*\) . $$1$$/0x\1/p"; } && \
	echo "  SIZE   kernel $$(($$(symbol image_end) - $$(symbol link_start))) bytes loaded," \
	  "ISO image $$(stat -c %s $@) bytes"
