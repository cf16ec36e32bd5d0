// candle-amber - poured candle in an amber glass jar with a paper label.
// View 1 front (unlit), 2 the flame from above.
#version 3.7;
#include "shapes.inc"
#ifndef (AsModel) #include "lights.inc" #end
#ifndef (Lit) #if (View = 2) #declare Lit = 1; #else #declare Lit = 0; #end #end
#include "materials.inc"

#declare JarQ = array[8] { <0,0.16,0>, <3.0,0.16,0.3>, <3.2,0,0.15>, <3.9,0,0.5>, <3.9,9.2,0.16>, <3.55,9.2,0.14>, <3.55,0.85,0.5>, <0,0.75,0> };
#declare WaxP = array[5] { <0,0.8,0>, <3.5,0.9,0.5>, <3.52,7.25,0.02>, <3.3,7.0,0.3>, <0,6.95,0> };

#declare Candle = union {
  object { Turned(JarQ, 144) no_shadow no_radiosity M_Glass(<0.74, 0.36, 0.07>, 0.24) }
  object { Turned(WaxP, 120)
    texture { pigment { rgb <0.93, 0.85, 0.68> }
      finish { diffuse 0.85 specular 0.15 roughness 0.05 emission (0.03+0.07*Lit) } } }
  Sleeve("build/candle.png", 3.93, 1.6, 6.2, F_Paper)
  // wick
  cylinder { <0, 6.9, 0>, <0.02, 7.75, 0>, 0.09 texture { pigment { gradient y color_map { [0.3 rgb <0.6, 0.52, 0.4>] [0.6 rgb 0.05] } scale 1.4 translate y*6.9 } } }
  #if (Lit)
    // glowing flame and its pool of light
    #declare FlameP = array[6] { <0,0,0>, <0.24,0.05,0.2>, <0.44,0.75,0.5>, <0.2,1.7,0.5>, <0.02,2.35,0.2>, <0,2.4,0> };
    object { Turned(FlameP, 48) hollow no_shadow
      texture { pigment { gradient y color_map { [0 rgbt <0.3, 0.45, 1, 0.75>] [0.12 rgbt <1, 0.6, 0.2, 0.5>] [0.3 rgbt <1, 0.82, 0.42, 0.08>] [0.8 rgbt <1, 0.74, 0.3, 0.1>] [1 rgbt <1, 0.5, 0.12, 0.6>] } scale 2.45 }
        finish { diffuse 0 emission 1.25*K } }
      translate y*7.55 }
    disc { <0, 7.0, 0>, y, 1.5 texture { pigment { rgbt <1, 0.9, 0.7, 0.6> } finish { diffuse 0.5 reflection { 0.02, 0.7 fresnel on } } } interior { I_Solid } }
    light_source { <0, 8.6, 0> rgb <1, 0.62, 0.28>*0.12*K fade_distance 3.2 fade_power 2
      area_light x*0.5, z*0.5, 3, 3 circular orient }
  #end
}

#ifndef (AsModel)
  Studio(1-0.25*Lit)
  object { Candle }
  #switch (View)
    #case (1) Shot(<0, 11, -50>, <0, 4.5, 0>, 13.2) #break
    #case (2) Shot(<-9, 25, -34>, <0, 5.9, 0>, 15) #break
  #end
#end
