# Octavo: from sources to a bootable floppy, and everything that proves it.
#
# All output goes to build/. `make help` lists the targets, `make V=1` shows the commands.
# A new source file needs no entry here: files are found by wildcard, headers by the compiler.

# KASAN=1, UBSAN=1: a kernel in a folder of its own that checks each access, each computation.
KASAN   ?= 0
UBSAN   ?= 0
BUILD   ?= build$(if $(filter 1,$(KASAN)),/kasan)$(if $(filter 1,$(UBSAN)),/ubsan)
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),@:,@printf '  %-8s%s\n' $(1) $(2))

CC      := gcc
LD      := ld
NASM    := nasm
CLANG   := clang
QEMU    := qemu-system-i386
PROVE   := prove -e '' -j2 --failures

# The loader zeroes and fills at most this much for the kernel, bss included.
KERNEL_MAX := $(if $(filter 1,$(KASAN) $(UBSAN)),2621440,524288)

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla
COMMON  := -std=gnu11 -g $(WARN) -MMD -MP

# What kernel and programs have in common: a 486 without an FPU, and nothing but the code.
I486    := -m32 -march=i486 -mno-sse -mno-mmx -msoft-float -mpreferred-stack-boundary=2 \
        -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables
LD_I486 := $(LD) -m elf_i386 -nostdlib --build-id=none -z noexecstack -z max-page-size=4096 \
        --fatal-warnings

.DEFAULT_GOAL := img
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: img all run run-vga bochs debug rewind lib web floppy usb deps clean help \
        test test-host test-kernel test-boot test-user test-web storm bench fuzz

# --- The kernel -----------------------------------------------------------------------------------

KERNEL_C   := $(sort $(wildcard kernel/*.c kernel/*/*.c mm/*.c mm/debug/*.c mm/x86/*.c))
KERNEL_ASM := $(sort $(wildcard kernel/*.asm kernel/*/*.asm))
KERNEL_OBJ  = $(KERNEL_ASM:%=$(BUILD)/obj/%.o) $(KERNEL_C:%=$(BUILD)/obj/%.o)
KERNEL_INCLUDE := -Ikernel/include -Iinclude
# A frame's number, a struct of one word, is returned in a register. Functions begin at 16 bytes, but
# nothing inside them does: to pad each loop and each jump to a place of its own takes 15 KiB.
KERNEL_FLAGS  = $(I486) -mregparm=3 -fno-omit-frame-pointer -momit-leaf-frame-pointer \
        -freg-struct-return -fno-align-loops -fno-align-jumps -fno-align-labels $(KERNEL_INCLUDE)

# The tests must fit beside the kernel into a machine of 2 MiB, and what runs once at the start, or for
# a person who reads it, need not be fast: small before fast.
SMALL := $(wildcard kernel/*.c) kernel/monitor/% kernel/proc/% kernel/memview/% kernel/signals/% \
        mm/x86/address.c mm/x86/pagetable_start.c mm/x86/guard.c \
        $(addprefix kernel/cpu/,backtrace.c breakpoints.c cpu.c explain.c fault_report.c ipi.c panic.c \
        start_cpus.c symbols.c tlb_probe.c) \
        $(addprefix kernel/calls/sys_,identity.c machine.c time.c) \
        $(addprefix kernel/files/,children.c devices.c discipline.c fifo.c locks.c modfs.c node.c \
        open.c select.c sys_attributes.c sys_folders.c sys_locks.c sys_paths.c sys_stat.c \
        sys_utime.c tmpfs.c tree.c tty.c) \
        $(addprefix kernel/tasks/,affinity.c elf.c exec.c exec_args.c exec_stack.c identity.c \
        itimer.c limits.c mutex.c oom.c process.c program_calls.c program_symbols.c \
        programs.c script.c sleep.c thread.c) \
        $(addprefix kernel/devices/,acpi.c ansi.c apic.c clock.c console.c date.c debugport.c \
        io_apic.c keyboard.c keys.c madt.c mp_tables.c pic.c power.c random.c serial.c trace_port.c \
        vga.c) kernel/text/printf.c \
        $(addprefix mm/,bootmem.c check.c drain.c early.c maps.c memmap.c mm.c debug/% \
        oom.c slab_cache.c space_check.c space_holders.c stories.c tables.c x86/tlb_watch.c zone_check.c)
$(BUILD)/obj/tests/%.o: OPTIMISE := -Os
$(BUILD)/obj/tests/kernel/bench.c.o: OPTIMISE := -O2
$(patsubst %,$(BUILD)/obj/%.o,$(filter $(SMALL),$(KERNEL_C))): OPTIMISE := -Os
$(BUILD)/obj/%.o: OPTIMISE ?= -O2
# As for newer processors: an index and a constant in the instruction itself, not in a register before.
$(addprefix $(BUILD)/obj/mm/,buddy.c.o page.c.o pmm.c.o): KERNEL_FLAGS += -mtune=generic
# Who crashed on purpose must still be on the stack when the report names the caller.
$(patsubst %,$(BUILD)/obj/kernel/%.c.o,crash crash_heap crash_locks crash_spaces sanitize/planted/crash_checked): \
        KERNEL_FLAGS += -fno-optimize-sibling-calls

# What KASAN watches: all but its own runtime, and what must look at memory that nobody may use. The
# linker enters the kernel by its runtime (shadow.c); -mpreferred-stack-boundary: shadow is for 8 bytes.
ifeq ($(KASAN),1)
KERNEL_C    += $(wildcard kernel/sanitize/kasan/*.c kernel/sanitize/planted/*.c)
KASAN_OFF   := kernel/sanitize/kasan/% kernel/text/string.c kernel/cpu/backtrace.c kernel/cpu/explain.c \
        kernel/monitor/monitor_debug.c mm/debug/% \
        mm/x86/guard.c mm/memtest.c
KASAN_RAW   := $(filter $(KASAN_OFF),$(KERNEL_C))
KASAN_ON    := $(filter-out $(KASAN_OFF),$(KERNEL_C))
KERNEL_INCLUDE := -Ikernel/sanitize/kasan $(KERNEL_INCLUDE)
KERNEL_FLAGS += -mincoming-stack-boundary=2
$(KASAN_RAW:%=$(BUILD)/obj/%.o): KERNEL_FLAGS += -include kernel/sanitize/kasan/raw.h
$(BUILD)/obj/tests/%.o: KERNEL_FLAGS += -include kernel/sanitize/kasan/raw.h
$(KASAN_ON:%=$(BUILD)/obj/%.o): KERNEL_FLAGS += -fsanitize=kernel-address \
        -fasan-shadow-offset=0xD0000000 --param asan-instrumentation-with-call-threshold=0 \
        --param asan-stack=1 --param asan-globals=1 \
        -fsanitize-address-use-after-scope -mpreferred-stack-boundary=3
KERNEL_LINK := --wrap=kernel_main
endif
ifeq ($(UBSAN),1)
KERNEL_C += $(wildcard kernel/sanitize/ubsan/*.c kernel/sanitize/planted/*.c)
$(patsubst %,$(BUILD)/obj/%.o,$(filter-out kernel/sanitize/ubsan/%,$(KERNEL_C))): \
        KERNEL_FLAGS += -fsanitize=undefined
endif

$(BUILD)/obj/%.c.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(COMMON) $(OPTIMISE) $(KERNEL_FLAGS) -c -o $@ $<

$(BUILD)/obj/%.asm.o: %.asm $(wildcard kernel/*/*.inc)
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)$(NASM) -f elf32 -I kernel/cpu/ -l $(@:.o=.lst) -o $@ $<

$(BUILD)/kernel.elf: kernel/kernel.ld $(KERNEL_OBJ)
	$(call say,LD,$@)
	$(Q)$(LD_I486) $(KERNEL_LINK) -o $@ -T kernel/kernel.ld $(KERNEL_OBJ)
	$(Q)size -B $@ | awk 'NR == 2 { if ($$4 > $(KERNEL_MAX)) { \
	    print "$@: " $$4 " bytes in memory, more than the $(KERNEL_MAX) there may be"; exit 1 } \
	    print "  SIZE    $@: " $$4 " of $(KERNEL_MAX) bytes in memory" }'

# The kernel's tests: an image of their own beside that very kernel (kernel/ktests.c). In 2 MiB there
# is room for those of mm/ alone, without those of the keyboard and the screen beside them.
KTESTS_C    := tests/image.c tests/ktest.c tests/kernel/bench.c \
        $(sort $(wildcard tests/mm/test_*.c tests/kernel/test_*.c))
KTESTS_OBJ  := $(KTESTS_C:%=$(BUILD)/obj/%.o)
KTESTS_SLIM := $(BUILD)/slim/ktests.elf

$(BUILD)/ktests.elf: $(KTESTS_OBJ)
$(KTESTS_SLIM): $(filter-out $(BUILD)/obj/tests/kernel/% \
        $(patsubst %,$(BUILD)/obj/tests/mm/test_%.c.o,ansi discipline keyboard line memview words),$(KTESTS_OBJ))
$(BUILD)/ktests.elf $(KTESTS_SLIM): tests/ktests.ld $(BUILD)/kernel.elf
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(LD_I486) -o $@ -T tests/ktests.ld -R $(BUILD)/kernel.elf $(filter %.o,$^)
	$(Q)nm $@ | awk '$$2 ~ /[Tt]/ && $$3 !~ /^site_/ { keep[$$3] = 1 } { all[$$3] = 1 } \
	    END { for (name in all) if (!(name in keep)) print name }' >$@.drop
	$(Q)objcopy --strip-symbols=$@.drop $(KTESTS_STRIP) $@ # what backtraces do not name, 110 KiB
$(KTESTS_SLIM): KTESTS_STRIP := --strip-all

# "ADDRESS name" lines, the format of the Bochs debugger's ldsym.
$(BUILD)/kernel.sym: $(BUILD)/kernel.elf
	$(Q)nm -n $< | awk '$$2 ~ /[TtRrDdBb]/ { print $$1, $$3 }' > $@

$(BUILD)/kernel.lst: $(BUILD)/kernel.elf
	$(call say,LIST,$@)
	$(Q)objdump -d -l -M intel --no-show-raw-insn $< > $@

# --- Programs -------------------------------------------------------------------------------------

# user/NAME.c, with user/NAME/*.c if there is such a folder, becomes build/user/NAME. What programs
# share comes from an archive: each takes what it needs of it, function by function.
USER_PROGRAMS := $(sort $(wildcard user/*.c))
USER_NAMES    := $(USER_PROGRAMS:user/%.c=%)
USER_BIN      := $(USER_NAMES:%=$(BUILD)/user/%)
USER_LIB_C    := $(sort $(wildcard user/lib/*.c)) \
        $(addprefix kernel/,text/string.c text/printf.c devices/keys.c monitor/line.c \
        memview/screen.c memview/view.c memview/map.c memview/lists.c) mm/owner.c
USER_START    := $(BUILD)/user/obj/user/lib/start.asm.o
USER_LIB      := $(BUILD)/user/obj/lib.a
USER_FLAGS    := $(I486) -Os -fomit-frame-pointer -ffunction-sections -fdata-sections \
        -fno-tree-loop-distribute-patterns -Iuser/lib -Ikernel/include -Iinclude
# $(call user_obj,FILE.c ...)
user_obj       = $(patsubst %.c,$(BUILD)/user/obj/%.c.o,$(1))
USER_OBJ      := $(USER_START) \
        $(sort $(call user_obj,$(USER_LIB_C) $(wildcard user/*.c user/*/*.c)))

$(BUILD)/user/obj/%.c.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,user/$<)
	$(Q)$(CC) $(COMMON) $(USER_FLAGS) -c -o $@ $<

$(BUILD)/user/obj/%.asm.o: %.asm
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)$(NASM) -f elf32 -o $@ $<

$(USER_LIB): $(call user_obj,$(USER_LIB_C))
	$(Q)rm -f $@ && ar rcsD $@ $^

# build/user/NAME.elf keeps symbols and DWARF for gdb; build/user/NAME is what goes on the floppy.
define user_program
$(BUILD)/user/$(1).elf: user/user.ld $(USER_START) \
        $(call user_obj,user/$(1).c $(sort $(wildcard user/$(1)/*.c))) $(USER_LIB)
	$$(call say,LD,$$@)
	$$(Q)$$(LD_I486) --gc-sections -o $$@ -T user/user.ld $$(filter %.o %.a,$$^)
endef
$(foreach p,$(USER_NAMES),$(eval $(call user_program,$(p))))

# The kernel names the functions of a program that goes wrong; other symbols do not go along.
$(BUILD)/user/%: $(BUILD)/user/%.elf
	$(Q)nm $< | awk '$$2 !~ /[Tt]/ { print $$3 }' >$(BUILD)/user/obj/$*.drop
	$(Q)objcopy --strip-debug --strip-symbols=$(BUILD)/user/obj/$*.drop $< $@

# Other flags, other code: objects must not be mixed.
$(KERNEL_OBJ) $(KTESTS_OBJ) $(USER_OBJ): Makefile

# --- The boot sectors and the floppy --------------------------------------------------------------

# FORMAT=720, 1200, 2880: a floppy of another size. PT=0: no partition entry in sector 0.
FORMAT     ?= $(if $(filter 1,$(KASAN) $(UBSAN)),2880,1440)
PT         ?= 1
BOOT_BIN   := $(BUILD)/boot/bootsect.bin $(BUILD)/boot/loader.bin
BOOT_FLAGS := -DFORMAT=$(FORMAT) -DPT=$(PT)

# Changes when the flags do.
$(BUILD)/boot/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(BOOT_FLAGS)' | cmp -s - $@ || echo '$(BOOT_FLAGS)' >$@
.PHONY: FORCE

# NASM 2.16 does not report what it includes.
$(BUILD)/boot/%.bin: boot/%.asm $(wildcard boot/*.inc) $(BUILD)/boot/flags
	$(call say,NASM,$<)
	$(Q)$(NASM) -f bin $(BOOT_FLAGS) -I boot/ -l $(@:.bin=.lst) \
	    --before '[map all $(@:.bin=.map)]' -o $@ $<

# The labels for gdb (.elf) and Bochs (.sym).
$(BUILD)/boot/%.sym: $(BUILD)/boot/%.bin tools/bootsym
	$(Q)tools/bootsym $(<:.bin=.map) $< $(@:.sym=.elf) $@

# boot/octavo.cfg and, for each program, its place in the file tree: /init, all others in /bin.
$(BUILD)/octavo.cfg: boot/octavo.cfg $(USER_BIN)
	$(Q){ cat $<; echo report=on; for name in $(USER_NAMES); do case $$name in \
	    init) echo "module=init /init" ;; \
	    *) printf 'module=%.8s /bin/%s\n' $$name $$name ;; esac; done; } >$@

# The kernel's tests find no room on 720 KB.
IMAGE_FILES := $(BUILD)/kernel.elf $(USER_BIN) $(if $(filter 720,$(FORMAT)),,$(BUILD)/ktests.elf)

# For the debuggers: no shell, the monitor at once.
$(BUILD)/monitor.cfg: $(BUILD)/octavo.cfg
	$(Q)sed 's/^cmdline=/&monitor/' $< >$@

$(BUILD)/%.img: tools/mkimage $(BUILD)/%.cfg $(BOOT_BIN) $(IMAGE_FILES)
	$(call say,IMAGE,$@)
	$(Q)tools/mkimage -c $(BUILD)/$*.cfg $@ $(BOOT_BIN) $(IMAGE_FILES)

SYMBOLS := $(BUILD)/kernel.sym $(BUILD)/kernel.lst $(BOOT_BIN:.bin=.sym)

img: $(BUILD)/octavo.img $(BUILD)/monitor.img $(SYMBOLS) ## the floppy, build/octavo.img (default)

# --- mm/ on the host ------------------------------------------------------------------------------

# Kernel files that touch no hardware: the host test program runs them as well.
PURE_KERNEL := $(addprefix kernel/,multiboot.c cmdline.c memory_options.c text/printf.c \
        devices/acpi.c devices/ansi.c devices/date.c devices/keys.c devices/madt.c devices/mp_tables.c \
        memview/screen.c memview/view.c memview/map.c monitor/line.c monitor/words.c \
        files/discipline.c tasks/elf.c tasks/script.c)
HOST_MM   := $(sort $(wildcard mm/*.c mm/debug/*.c mm/hosted/*.c))
HOST_TEST := $(sort $(wildcard tests/host/*.c tests/ktest.c tests/mm/test_*.c)) $(PURE_KERNEL)
# Quoted includes look into these in order; <string.h> and its like are the host's own.
HOST_INCLUDE := -iquote mm/hosted -iquote include -iquote tests/host -iquote kernel/include
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

# $(call host_objects,NAME,FLAGS[,COMPILER]): how the objects in build/NAME are made.
define host_objects
$(BUILD)/$(1)/%.c.o: %.c
	@mkdir -p $$(@D)
	$$(call say,CC,$(1)/$$<)
	$$(Q)$(or $(3),$(CC)) $$(COMMON) -O2 -pthread $$(HOST_INCLUDE) $(2) -c -o $$@ $$<

-include $$(wildcard $(BUILD)/$(1)/*/*.d $(BUILD)/$(1)/*/*/*.d)
endef

# $(call host_variant,NAME,FLAGS): build/NAME/ktests and the objects it is made of.
define host_variant
$(call host_objects,$(1),$(2))

$(BUILD)/$(1)/ktests: $$(HOST_MM:%=$(BUILD)/$(1)/%.o) $$(HOST_TEST:%=$(BUILD)/$(1)/%.o)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) -pthread $(2) -o $$@ $$^
endef

$(eval $(call host_variant,host64,-m64))
$(eval $(call host_variant,host32,-m32))
$(eval $(call host_variant,host64-asan,-m64 $(SANITIZE)))
$(eval $(call host_variant,host32-asan,-m32 $(SANITIZE)))
$(eval $(call host_variant,host64-tsan,-m64 -fsanitize=thread))
KTESTS := $(foreach v,host64 host32 host64-asan host32-asan host64-tsan,$(BUILD)/$(v)/ktests)

# $(call host_library,BITS)
define host_library
$(BUILD)/lib$(1)/liboctavo-mm.a: $$(HOST_MM:%=$(BUILD)/host$(1)/%.o)
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcsD $$@ $$^
endef
$(eval $(call host_library,32))
$(eval $(call host_library,64))

lib: $(foreach bits,32 64,$(BUILD)/lib$(bits)/liboctavo-mm.a) ## mm/ as a library for the host

# The parsers, and programs that feed them nonsense.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TIME ?= 30
# Without clang and its libFuzzer, a driver of our own and a fixed number of inputs.
ifneq ($(shell command -v $(CLANG)),)
FUZZ_CC   := $(CLANG)
FUZZ_LINK := -fsanitize=fuzzer
FUZZ_ARGS  = -max_total_time=$(FUZZ_TIME) $$f.corpus
$(eval $(call host_objects,fuzz,-fsanitize=fuzzer-no-link $(SANITIZE),$(CLANG)))
else
FUZZ_CC   := $(CC)
FUZZ_LINK := $(BUILD)/fuzz/tests/fuzz/driver.c.o
FUZZ_ARGS  = 1 100000
$(eval $(call host_objects,fuzz,$(SANITIZE)))
$(FUZZERS): $(FUZZ_LINK)
endif

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.c.o \
        $(patsubst %,$(BUILD)/fuzz/%.o,$(HOST_MM) $(PURE_KERNEL))
	$(call say,LINK,$@)
	$(Q)$(FUZZ_CC) -pthread $(SANITIZE) $(filter -%,$(FUZZ_LINK)) -o $@ $^

# octobench (tests/bench) with mm/ linked in as the kernel links it, at fixed addresses; the same
# with every check on, beside the sanitised tests. The workloads are in it several times (ob_int.h).
BENCH_C     := $(addprefix tests/bench/,octobench.c ob_check.c ob_icount.c)
BENCH_COPIES := 0 1 2 3 4 5 6 7 8 9 10 11
BENCH_PEERS := null floor xv6 buddy buddypcp
BENCH_CC     = $(CC) -std=gnu11 -O2 -g -Wall -Wextra -Wno-unused-parameter -Itests/bench
$(eval $(call host_variant,bench64,-m64 -fno-pie))
$(eval $(call host_variant,bench32,-m32 -fno-pie))

# $(call octobench,VARIANT,FLAGS)
define octobench
$(BUILD)/$(1)/bench/workloads.o: tests/bench/ob_workloads.c $(wildcard tests/bench/*.h)
	@mkdir -p $$(@D)
	$$(Q)$$(BENCH_CC) $(2) -falign-functions=64 -c -o $$@ $$<

$(BUILD)/$(1)/bench/copy%.o: $(BUILD)/$(1)/bench/workloads.o
	$$(Q)objcopy $$(foreach s,ob_set __odr_asan.ob_set,--redefine-sym $$(s)=$$(s)_$$*) $$< $$@

$(BUILD)/$(1)/octobench: $(BENCH_C) tests/bench/adapters/octavo.c \
        $(BENCH_COPIES:%=$(BUILD)/$(1)/bench/copy%.o) \
        $(wildcard tests/bench/*.h include/*.h) $$(HOST_MM:%=$(BUILD)/$(1)/%.o)
	$$(call say,LINK,$$@)
	$$(Q)$$(BENCH_CC) $(2) $$(HOST_INCLUDE) -iquote mm -pthread -rdynamic -o $$@ \
	    $$(filter %.c %.o,$$^) -lm -ldl
endef
$(eval $(call octobench,bench64,-m64 -fno-pie -no-pie))
$(eval $(call octobench,bench32,-m32 -fno-pie -no-pie))
$(eval $(call octobench,host64-asan,-m64 -DOCTAVO_CHECKED $(SANITIZE)))
$(eval $(call octobench,host32-asan,-m32 -DOCTAVO_CHECKED $(SANITIZE)))
OCTOBENCH := $(foreach v,bench64 bench32 host64-asan host32-asan,$(BUILD)/$(v)/octobench)

# $(call bench_peer,BITS): the reference allocators, loaded by octobench.
define bench_peer
$(BUILD)/bench$(1)/%.so: tests/bench/adapters/%.c \
        $(wildcard tests/bench/*.h tests/bench/adapters/*.h)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(BENCH_CC) -m$(1) -fPIC -ftls-model=initial-exec -shared -o $$@ $$<
endef
$(eval $(call bench_peer,64))
$(eval $(call bench_peer,32))

$(BUILD)/bench64/limits: tests/bench/limits.c tests/bench/ob_int.h
	$(Q)$(BENCH_CC) -pthread -o $@ $<

BENCH := $(BUILD)/bench64/octobench $(BUILD)/bench32/octobench $(BUILD)/bench64/limits \
         $(foreach p,$(BENCH_PEERS),$(BUILD)/bench64/$(p).so $(BUILD)/bench32/$(p).so)

$(BUILD)/tools/%: $(BUILD)/host64/tools/%.c.o $(BUILD)/lib64/liboctavo-mm.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -pthread -o $@ $^

TOOLS := $(patsubst tools/%.c,$(BUILD)/tools/%,$(wildcard tools/*.c))

# --- Programs of others and the conformance programs, for ring 3 ----------------------------------

# Debian's musl for i386, unpacked; its specs made to work with this system's compiler.
MUSL       := $(BUILD)/packages/musl-dev
MUSL_SPECS := $(BUILD)/packages/musl32.specs
STATIC_CC  := $(CC) -m32 -static -no-pie
MUSL_CC    := $(STATIC_CC) -specs $(MUSL_SPECS)

$(MUSL_SPECS): tools/packages
	$(Q)BUILD=$(BUILD) tools/packages musl-dev
	$(Q)sed -e 's#/usr/\(include\|lib\)/i386-linux-musl#$(abspath $(MUSL))&#g' \
	    -e 's#-nostdlib %{shared#-m elf_i386 &#' \
	    $(MUSL)/usr/lib/i386-linux-musl/musl-gcc.specs >$@

# The same sources twice: as clients of musl, and with no C library at all.
CONFORMANCE       := $(basename $(notdir $(sort $(wildcard tests/conformance/t/*.c))))
CONFORMANCE_LIB   := tests/conformance/lib
CONFORMANCE_FLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Wno-missing-field-initializers \
        -fno-stack-protector -fno-pie -fno-strict-aliasing -I$(CONFORMANCE_LIB)
vpath %.c tests/conformance/t tests/conformance/bench

$(BUILD)/conformance/musl/%: %.c $(wildcard $(CONFORMANCE_LIB)/*) $(MUSL_SPECS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(MUSL_CC) $(CONFORMANCE_FLAGS) -o $@ $< $(CONFORMANCE_LIB)/tap.c

define link_bare
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(STATIC_CC) $(CONFORMANCE_FLAGS) -ffreestanding -nostdlib -o $@ $< \
	    $(CONFORMANCE_LIB)/tap.c $(CONFORMANCE_LIB)/bare.c -lgcc
endef

$(BUILD)/conformance/bare/%: %.c $(wildcard $(CONFORMANCE_LIB)/*)
	$(link_bare)

# Programs that do harm (tests/user/storms.t) or are typed at (typed.t), on the same library.
STORMS := $(basename $(notdir $(sort $(wildcard tests/user/*.c))))

$(BUILD)/storms/%: tests/user/%.c $(wildcard $(CONFORMANCE_LIB)/* tests/user/*.h)
	$(link_bare)

.PHONY: conformance-bare conformance-musl storms
storms: $(STORMS:%=$(BUILD)/storms/%) $(BUILD)/conformance/bare/each
conformance-bare: $(patsubst %,$(BUILD)/conformance/bare/%,$(CONFORMANCE) mb each crowd)
conformance-musl: $(patsubst %,$(BUILD)/conformance/musl/%,$(CONFORMANCE) mb)

# Programs of the tests that stand on our own runtime.
$(BUILD)/clients/hog: $(call user_obj,tests/user/shortage/hog.c)
$(BUILD)/clients/ends: $(call user_obj,tests/user/ends/ends.c)
$(BUILD)/clients/hog $(BUILD)/clients/ends: user/user.ld $(USER_START) $(USER_LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(LD_I486) --gc-sections -o $@ -T user/user.ld $(filter %.o %.a,$^)

# Clients of C libraries (tests/user/clients): ours, and programs of others from their own sources.
CLIENT_CC = -std=gnu11 -O2 -Wall -Wextra -pthread -o $@ $<

$(BUILD)/clients/musl-%: tests/user/clients/%.c $(MUSL_SPECS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(MUSL_CC) $(CLIENT_CC)

$(BUILD)/clients/glibc-%: tests/user/clients/%.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(STATIC_CC) $(CLIENT_CC)

# What is not ours is built as its authors say, without our warnings.
$(BUILD)/clients/lua: $(MUSL_SPECS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)BUILD=$(BUILD) tools/packages source:lua5.4
	$(Q)cd $(BUILD)/packages/lua5.4-source/src && \
	    $(subst $(BUILD),$(abspath $(BUILD)),$(MUSL_CC)) -O2 -DLUA_USE_POSIX -o $(abspath $@) \
	    $$(ls *.c | grep -v -x luac.c) -lm

$(BUILD)/clients/sqlite3.c:
	@mkdir -p $(@D)
	$(call say,MAKE,$@)
	$(Q)BUILD=$(BUILD) tools/packages source:sqlite3
	$(Q)mkdir -p $(BUILD)/clients/sqlite && cd $(BUILD)/clients/sqlite && \
	    { $(abspath $(BUILD))/packages/sqlite3-source/configure && \
	    env -u MAKEFLAGS $(MAKE) sqlite3.c shell.c; } >log 2>&1
	$(Q)cp $(BUILD)/clients/sqlite/*.[ch] $(BUILD)/clients

$(BUILD)/clients/sqlite3: $(BUILD)/clients/sqlite3.c $(MUSL_SPECS)
	$(call say,LINK,$@)
	$(Q)$(MUSL_CC) -w -O1 -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -I$(@D) -o $@ $< \
	    $(@D)/shell.c -lm

# mimalloc in place of musl's heap under its own stress, and under ours.
MIMALLOC := $(BUILD)/packages/mimalloc-source
$(BUILD)/clients/mimalloc-stress: $(MUSL_SPECS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)BUILD=$(BUILD) tools/packages source:mimalloc linux-libc-dev
	$(Q)$(MUSL_CC) $(MIMALLOC_FLAGS) -o $@ $(MIMALLOC)/src/static.c $(MIMALLOC)/test/test-stress.c

$(BUILD)/clients/mimalloc-mallocs: tests/user/clients/mallocs.c $(MUSL_SPECS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)BUILD=$(BUILD) tools/packages source:mimalloc linux-libc-dev
	$(Q)$(MUSL_CC) $(MIMALLOC_FLAGS) -o $@ $(MIMALLOC)/src/static.c $<

MIMALLOC_FLAGS := -w -O2 -DNDEBUG -pthread -Wno-psabi -DMI_MALLOC_OVERRIDE=1 -I$(MIMALLOC)/include \
        $(addprefix -idirafter $(BUILD)/packages/linux-libc-dev/usr/include,/ /i386-linux-gnu)

# --- Running it -----------------------------------------------------------------------------------

# CPUS=N and MEMORY=SIZE choose another machine for run, run-vga, debug.
CPUS   ?= 1
MEMORY ?= 64M

QEMU_FLOPPY := $(QEMU) -m $(MEMORY) -smp $(CPUS) -no-reboot -net none -device isa-debug-exit,iobase=0xf4,iosize=0x04 \
        -drive file=$(BUILD)/octavo.img,if=floppy,format=raw,snapshot=on -boot a
# QEMU leaves with 33 when the kernel powered off in good order.
POWERED_OFF := || [ $$? -eq 33 ]

run: img ## boot the floppy in QEMU, the prompt in this terminal; CPUS=4 MEMORY=1G (leave: poweroff, or ^A x)
	$(Q)$(QEMU_FLOPPY) -display none -serial mon:stdio $(POWERED_OFF)

run-vga: img ## boot the floppy image in a QEMU window
	$(Q)$(QEMU_FLOPPY) -serial stdio $(POWERED_OFF)

# BREAK=NAME,... functions, stages, PROGRAM:FUNCTION; PROGRAM='NAME ARGUMENTS'; TRACE=alloc,page,...;
# CMDLINE='WORDS' for the kernel
bochs: img ## the monitor in Bochs' debugger, gdb behind it; BREAK=buddy_alloc runs to that function
	$(Q)tools/bochs/start --break '$(BREAK)' --program '$(PROGRAM)' --trace '$(TRACE)' \
	    --cmdline '$(CMDLINE)'

debug: img ## the monitor (or PROGRAM=) in QEMU stopped at reset, gdb with the octavo commands
	$(Q)$(if $(PROGRAM),OCTAVO_IMAGE=$(BUILD)/octavo.img) \
	    OCTAVO_CPUS=$(CPUS) OCTAVO_MEMORY=$(MEMORY) \
	    OCTAVO_CMDLINE='$(CMDLINE)$(if $(PROGRAM), run="$(PROGRAM)")' \
	    gdb -q -x tools/gdb/octavo.gdb $(BUILD)/kernel.elf

rewind: img ## record a run (what you type, or PROGRAM=, CMDLINE=), then go back in time in gdb
	$(Q)tools/rewind $(if $(PROGRAM),--run '$(PROGRAM)') $(if $(CMDLINE),--cmdline '$(CMDLINE)')

WEB_FILES := $(addprefix tools/web/,build index.html octavo.js) $(BUILD)/octavo.img \
        $(BUILD)/tools/web/owners

$(BUILD)/web/octavo.img: $(WEB_FILES) kernel/include/platform_impl.h
	$(call say,WEB,$(@D))
	$(Q)BUILD=$(BUILD) tools/web/build $(BUILD)/octavo.img $(BUILD)/tools/web/owners $(@D)

web: $(BUILD)/web/octavo.img ## build/web: a page that runs the floppy in a browser (v86)

floppy: img ## write the image to the floppy in DEV=/dev/fd0, after checks and a question
	$(Q)tools/write-disk --floppy $(BUILD)/octavo.img "$(DEV)"

usb: img ## write the image to the USB stick DEV=/dev/sdX, after checks and a question
	$(Q)tools/write-disk --usb $(BUILD)/octavo.img "$(DEV)"

# --- Tests: TAP everywhere, collected by prove ----------------------------------------------------

TREE_TESTS   := $(sort $(wildcard tests/tree/*.t))
KERNEL_TESTS := $(sort $(wildcard tests/boot/ktest-*.t))
BOOT_TESTS   := $(filter-out $(KERNEL_TESTS),$(sort $(wildcard tests/boot/*.t)))
USER_TESTS   := $(sort $(wildcard tests/user/*.t))
WEB_TESTS    := $(sort $(wildcard tests/web/*.t))
HOST_TESTS   := $(TREE_TESTS) $(sort $(wildcard tests/host/*.t tests/mm/*.t tests/models/*.t)) $(KTESTS)

test-host: $(KTESTS) $(TOOLS) $(OCTOBENCH) $(FUZZERS) lib ## mm/ on the host: 32 and 64 bits, ASan, UBSan, TSan
	$(Q)$(PROVE) $(HOST_TESTS)

test-kernel: img ## the same tests inside the kernel, at several sizes of memory
	$(Q)$(PROVE) $(KERNEL_TESTS)

test-boot: img ## whole machines: loaders, emulators, memory sizes, crashes, debuggers
	$(Q)$(PROVE) $(BOOT_TESTS); status=$$?; cat $(BUILD)/tests/matrix-*.matrix; exit $$status

test-user: img ## programs in ring 3: ours, conformance, real clients
	$(Q)$(PROVE) $(USER_TESTS)

storm: img ## everything at once on 8 CPUs for STORM=600 seconds
	$(Q)STORM=$${STORM:-600} $(PROVE) -v tests/user/weather.t

test-web: img ## the page in headless Chromium
	$(Q)$(PROVE) $(WEB_TESTS)

all: img lib $(KTESTS) $(TOOLS) $(OCTOBENCH) $(FUZZERS) conformance-bare storms ## build all that tests need

test: all ## all of these tests
	$(Q)$(PROVE) $(HOST_TESTS) $(KERNEL_TESTS) $(BOOT_TESTS) $(USER_TESTS) $(WEB_TESTS)

bench: img $(BENCH) ## all figures beside others', or some: PARTS='memory overhead' (tests/bench/bench.sh)
	$(Q)tests/bench/bench.sh $(PARTS)

fuzz: $(FUZZERS) ## feed the parsers nonsense, with clang for FUZZ_TIME=30 seconds each
	$(Q)for f in $(FUZZERS); do mkdir -p $$f.corpus && $$f $(FUZZ_ARGS) || exit 1; done

# --- The rest -------------------------------------------------------------------------------------

deps: ## install what building, running and testing need (Debian, Ubuntu)
	$(Q)tools/deps

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F ': .*## |:.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

-include $(USER_OBJ:.o=.d) $(KERNEL_OBJ:.o=.d) $(KTESTS_OBJ:.o=.d)
