# A server for the length of one command. The command finds it in RESCUE_SERVER and RESCUE_DATA.
rescue exec --speed 20 -- rescue clock show
