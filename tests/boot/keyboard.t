#!/usr/bin/env python3
"""The keyboard and the screen: keys go in through QEMU's PS/2 keyboard, the picture is read back
from video memory."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
KERNEL = os.path.join(ROOT, 'build', 'kernel.elf')
NAMES = {' ': 'spc', '\n': 'ret', '/': 'slash', '"': 'shift-apostrophe', '-': 'minus',
         '_': 'shift-minus', ':': 'shift-semicolon'}
count = failed = 0


def check(what, good, explain=''):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")
    if not good:
        print(''.join(f'# {line}\n' for line in str(explain).splitlines()), end='')


class Machine:
    def __init__(self, work):
        self.work = work
        path = os.path.join(work, 'monitor')
        self.process = subprocess.Popen(
            ['timeout', '-s', 'KILL', '300', 'qemu-system-i386', '-display', 'none', '-no-reboot',
             '-net', 'none', '-m', '32', '-kernel', KERNEL, '-serial', 'null',
             '-monitor', f'unix:{path},server=on,wait=off',
             '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04'], stdin=subprocess.DEVNULL)
        self.monitor = socket.socket(socket.AF_UNIX)
        for _ in range(100):
            try:
                self.monitor.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        self.read_prompt()

    def read_prompt(self):
        text = b''
        while not text.endswith(b'(qemu) '):
            piece = self.monitor.recv(4096)
            if not piece:
                return
            text += piece

    def order(self, line):
        self.monitor.sendall(line.encode() + b'\n')
        self.read_prompt()

    def key(self, *names):
        for name in names:
            self.order(f'sendkey {name} 20')
            time.sleep(0.05)

    def type(self, text):
        for c in text:
            self.key(NAMES.get(c) or (f'shift-{c.lower()}' if c.isupper() else c))

    def screen(self):
        path = os.path.join(self.work, 'video')
        self.order(f'pmemsave 0xb8000 4000 "{path}"')
        with open(path, 'rb') as file:
            cells = file.read()
        self.colours = cells[1::2]
        text = cells[0::2].decode('cp437')
        return '\n'.join(text[i:i + 80].rstrip() for i in range(0, 2000, 80)).rstrip()

    def wait_for(self, pattern, seconds=60):
        """The screen, once it matches; what it is at the end if it never does."""
        end = time.time() + seconds
        while True:
            screen = self.screen()
            if re.search(pattern, screen) or time.time() > end:
                return screen
            time.sleep(0.1)

    def shows(self, what, pattern):
        screen = self.wait_for(pattern)
        check(what, re.search(pattern, screen), screen)


with tempfile.TemporaryDirectory() as work:
    machine = Machine(work)
    machine.shows('the prompt', r'\noctavo>$')
    machine.type('echo Hello "a  B" x-y_z\n')
    machine.shows('shift, quotes and signs', r'\nHello a  B x-y_z\noctavo>$')
    machine.type('eco')
    machine.key('left', 'h', 'end', 'spc', '1', '2', 'backspace', 'home', 'delete', 'e', 'end',
                'ret')
    machine.shows('a line is put right with arrows, Home, End, Delete and Backspace',
                  r'\noctavo> echo 1\n1\n')
    machine.type('upt')
    machine.key('tab')
    machine.shows('Tab completes', r'\noctavo> uptime$')
    machine.key('ctrl-u', 'up', 'up')
    machine.shows('the arrow up brings back older lines', r'\noctavo> echo Hello "a  B" x-y_z$')
    machine.key('ctrl-c', 'caps_lock')
    machine.type('echo abc')
    machine.shows('Caps Lock', r'\noctavo> ECHO ABC$')
    machine.key('caps_lock', 'ctrl-c', 'ctrl-l')
    screen = machine.wait_for(r'\A *octavo>$')
    check('Ctrl-L empties the screen', screen == 'octavo>', screen)
    check('the prompt has a colour of its own',
          machine.colours[0] == 0x0A and machine.colours[9] == 0x07, list(machine.colours[:10]))
    machine.type('help\n')
    below = machine.wait_for(r'Shift-PgUp.\noctavo>$')
    machine.key('shift-pgup', 'shift-pgup', 'shift-pgup')
    machine.shows('Shift-PgUp shows what has scrolled away', r'(\A|\n)octavo> help\n')
    machine.key('shift-pgdn', 'shift-pgdn', 'shift-pgdn')
    machine.shows('Shift-PgDn goes back', rf'\A{re.escape(below)}\Z')
    machine.key('shift-pgup')
    machine.type('x')
    machine.shows('and so does typing', r'\noctavo> x$')
    machine.key('backspace')
    machine.type('clear\necho ' + 80 * 'x' + 'go-on: here\n')
    machine.shows('a long line goes on in the next', r'x\ngo-on: here\noctavo>$')
    check('where nothing begins that has a colour', machine.colours[160] == 0x07,
          list(machine.colours[:180]))
    machine.type('poweroff\n')
    check('power-off', machine.process.wait() == 33, machine.process.returncode)

print(f'1..{count}')
sys.exit(failed > 0)
