@_exported import YuyanFileFormats
@_exported import YuyanNeuralNetworks
