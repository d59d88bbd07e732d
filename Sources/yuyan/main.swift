import YuyanCommands

YuyanCommand.runAndExit()
